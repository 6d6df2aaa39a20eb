//! A proxy before the server's socket that can misbehave.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, watch};

use crate::Db;

/// Passes everything on, until it is told not to.
pub struct Proxy {
    folder: PathBuf,
    up: watch::Sender<bool>,
    swallow: Arc<Swallow>,
}

#[derive(Default)]
struct Swallow {
    armed: AtomicU32,
    done: Notify,
}

/// A reply of at least so many bytes is the answer to a claim, and to nothing else that a worker says.
const LARGE: usize = 2000;

impl Proxy {
    /// A proxy before the server of this database.
    pub fn before(db: &Db) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pgjobs-proxy-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the socket");
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).expect("a socket");
        let server = db.options().get_socket().expect("a server on a socket").join(".s.PGSQL.5432");
        let (up, watching) = watch::channel(true);
        let swallow = Arc::new(Swallow::default());
        tokio::spawn(accept(listener, server, watching, swallow.clone()));
        Proxy { folder, up, swallow }
    }

    /// How to connect through it.
    pub fn options(&self, db: &Db) -> PgConnectOptions {
        db.options().socket(&self.folder)
    }

    /// Cuts every connection and takes no new one, or takes them again.
    pub fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }

    /// Cuts the next connection on which the server sends a large reply, instead of passing it on.
    pub fn swallow_next_claim(&self) {
        self.swallow.armed.store(1, Ordering::SeqCst);
    }

    /// Returns once that has happened.
    pub async fn swallowed(&self) {
        self.swallow.done.notified().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn accept(listener: UnixListener, server: PathBuf, up: watch::Receiver<bool>, swallow: Arc<Swallow>) {
    while let Ok((client, _)) = listener.accept().await {
        if *up.borrow() {
            tokio::spawn(pass(client, server.clone(), up.clone(), swallow.clone()));
        }
    }
}

async fn pass(
    client: UnixStream,
    server: impl AsRef<Path>,
    mut up: watch::Receiver<bool>,
    swallow: Arc<Swallow>,
) {
    let Ok(server) = UnixStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let replies = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if read >= LARGE && swallow.armed.swap(0, Ordering::SeqCst) == 1 {
                swallow.done.notify_one();
                return;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = replies => {}
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        _ = up.wait_for(|up| !up) => {}
    }
}
