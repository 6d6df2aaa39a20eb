//! PgBouncer before the server's socket.

use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::child_process::{ChildProcess, folder};
use crate::{Db, Proxy, server, until};

/// A pooler of the test's own.
pub struct Pooler {
    folder: PathBuf,
    _program: ChildProcess,
}

impl Pooler {
    /// A pooler before the server of this database, with this `pool_mode` and further settings.
    pub async fn before(db: &Db, more: &str) -> Self {
        let options = db.options();
        Pooler::start(db, options.get_socket().expect("a server on a socket"), more).await
    }

    /// The same, which reaches the server through the proxy.
    pub async fn before_proxy(db: &Db, proxy: &Proxy, more: &str) -> Self {
        Pooler::start(db, proxy.socket(), more).await
    }

    async fn start(db: &Db, socket: &Path, more: &str) -> Self {
        let server = server().await;
        let folder = folder(server, "pooler");
        let config = folder.join("pgbouncer.ini");
        std::fs::write(&config, settings(socket, &folder, more)).expect("its settings");
        let program =
            ChildProcess::start(server, &program(), &["-q", config.to_str().expect("a path in UTF-8")]);
        let pooler = Pooler { folder, _program: program };
        let options = pooler.options(db);
        until("the pooler answers", async || match options.connect().await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        })
        .await;
        pooler
    }

    /// How to connect through it.
    pub fn options(&self, db: &Db) -> PgConnectOptions {
        db.options().socket(&self.folder)
    }

    /// The URL of the database through it, for other programs.
    pub fn url(&self, db: &Db) -> String {
        let name = db.options().get_database().expect("a name").to_owned();
        format!("postgresql:///{name}?host={}&user=postgres&port=5432", self.folder.display())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `extra_float_digits` is what sqlx asks of a connection and PgBouncer does not know.
fn settings(socket: &Path, folder: &Path, more: &str) -> String {
    let (socket, folder) = (socket.display(), folder.display());
    format!(
        "[databases]\n* = host={socket} port=5432 user=postgres\n[pgbouncer]\n{more}\n\
         unix_socket_dir = {folder}\nlisten_port = 5432\nlisten_addr =\nauth_type = any\n\
         ignore_startup_parameters = extra_float_digits\nlogfile = {folder}/log\n"
    )
}

/// A test that is left out because something is missing looks like one that passed, so this fails.
fn program() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin".into(), "/usr/local/sbin".into(), "/opt/homebrew/bin".into()];
    let candidates = std::env::split_paths(&folders).chain(usual).map(|folder| folder.join("pgbouncer"));
    candidates.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        panic!("this test needs PgBouncer, which is not here: `apt-get install pgbouncer` (or `brew install pgbouncer`)")
    })
}
