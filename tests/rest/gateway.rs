//! A REST gateway before a test's database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pgjobs_tests::{ChildProcess, Db, until};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};

pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

pub(crate) struct Gateway {
    pub(crate) url: String,
    _program: ChildProcess,
}

impl Gateway {
    /// A gateway that exposes schema `jobs`, with `web_anon` for whoever shows no token.
    pub(crate) async fn before(db: &Db) -> Self {
        let database = over_tcp(db).await;
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let name = db.options().get_database().expect("a name").to_owned();
        let settings = [
            format!("DATABASE_URL=postgres://authenticator:secret@{database}/{name}"),
            "PGRST_DB_SCHEMAS=jobs".to_owned(),
            "PGRST_DB_ANON_ROLE=web_anon".to_owned(),
            format!("PGRST_JWT_SECRET={SECRET}"),
            "PGRST_COMPAT_MODE=true".to_owned(), // the paths of PostgREST
            "PGRST_SERVER_HOST=127.0.0.1".to_owned(),
            format!("PGRST_SERVER_PORT={port}"),
            program().display().to_string(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let program = ChildProcess::start_as_me(Path::new("/usr/bin/env"), &settings);
        until("the gateway answers", async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        Gateway { url: format!("http://127.0.0.1:{port}"), _program: program }
    }
}

/// The gateway speaks to a server over TCP only, and the tests' server listens on a socket.
async fn over_tcp(db: &Db) -> SocketAddr {
    let socket = db.options().get_socket().expect("a server on a socket").join(".s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut server = UnixStream::connect(socket).await.expect("the server");
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

/// A test that is left out because something is missing looks like one that passed, so this fails.
fn program() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::home_dir().map(|home| home.join(".cargo/bin"));
    let mut candidates =
        std::env::split_paths(&folders).chain(installed).map(|folder| folder.join("postrust"));
    candidates.find(|path| path.is_file()).expect("the gateway: `cargo install postrust-server`")
}
