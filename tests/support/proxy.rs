//! A proxy before the server's socket that can misbehave.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, watch};

use crate::Db;

/// Passes everything on, until it is told not to.
pub struct Proxy {
    folder: PathBuf,
    up: watch::Sender<bool>,
    stalled: watch::Sender<bool>,
    /// How often connections were lost.
    lost: Arc<AtomicU32>,
    delay: Arc<AtomicU32>,
    swallow: Arc<Swallow>,
}

#[derive(Default)]
struct Swallow {
    /// Replies of at least so many bytes; 0: none.
    from: AtomicUsize,
    done: Notify,
}

/// A reply of at least so many bytes is the answer to a claim, and to nothing else that a worker says.
const LARGE: usize = 2000;
/// Any reply that says something.
const SMALL: usize = 10;

impl Proxy {
    /// A proxy before the server of this database.
    pub fn before(db: &Db) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pgjobs-proxy-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the socket");
        let socket = folder.join(".s.PGSQL.5432");
        let listener = UnixListener::bind(&socket).expect("a socket");
        // A pooler runs as another user than root.
        std::fs::set_permissions(&socket, Permissions::from_mode(0o777)).expect("its mode");
        let server = db.options().get_socket().expect("a server on a socket").join(".s.PGSQL.5432");
        let (up, watching) = watch::channel(true);
        let (stalled, stalling) = watch::channel(false);
        let (lost, delay, swallow) = (Arc::default(), Arc::default(), Arc::new(Swallow::default()));
        let line = Line {
            server,
            up: watching,
            stalled: stalling,
            lost: Arc::clone(&lost),
            delay: Arc::clone(&delay),
            swallow: Arc::clone(&swallow),
        };
        tokio::spawn(accept(listener, line));
        Proxy { folder, up, stalled, lost, delay, swallow }
    }

    /// The folder of its socket.
    #[cfg(feature = "pooler")]
    pub(crate) fn socket(&self) -> &std::path::Path {
        &self.folder
    }

    /// How to connect through it.
    pub fn options(&self, db: &Db) -> PgConnectOptions {
        db.options().socket(&self.folder)
    }

    /// Cuts every connection and takes no new one, or takes them again.
    pub fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }

    /// Passes nothing on while connections stay open, or goes on: a network that swallows packets.
    pub fn set_stalled(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    /// Passes nothing on any more for those that are connected now, as after a firewall forgot them; new connections are
    /// served.
    pub fn lose(&self) {
        self.lost.fetch_add(1, Ordering::SeqCst);
    }

    /// Passes each answer of the server on after so many milliseconds: a server that is far away.
    pub fn set_delay(&self, millis: u32) {
        self.delay.store(millis, Ordering::Relaxed);
    }

    /// The URL of a database of this server through the proxy.
    pub fn url(&self, db: &Db) -> String {
        let socket = db.options().get_socket().expect("a server on a socket").to_owned();
        let (from, to) = (socket.to_str().expect("UTF-8"), self.folder.to_str().expect("UTF-8"));
        let encode = |path: &str| path.replace('/', "%2F");
        db.url.replace(&encode(from), &encode(to)).replace(from, to)
    }

    /// Cuts the next connection on which the server sends a large reply, instead of passing it on.
    pub fn swallow_next_claim(&self) {
        self.swallow.from.store(LARGE, Ordering::SeqCst);
    }

    /// The same with the next reply of any kind: what was asked is done, and nobody hears of it.
    pub fn swallow_next_reply(&self) {
        self.swallow.from.store(SMALL, Ordering::SeqCst);
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

#[derive(Clone)]
struct Line {
    server: PathBuf,
    up: watch::Receiver<bool>,
    stalled: watch::Receiver<bool>,
    lost: Arc<AtomicU32>,
    delay: Arc<AtomicU32>,
    swallow: Arc<Swallow>,
}

async fn accept(listener: UnixListener, line: Line) {
    while let Ok((client, _)) = listener.accept().await {
        if *line.up.borrow() {
            tokio::spawn(pass(client, line.clone()));
        }
    }
}

async fn pass(client: UnixStream, line: Line) {
    let Ok(server) = UnixStream::connect(&line.server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let Line { mut up, stalled, lost, delay, swallow, .. } = line;
    let born = lost.load(Ordering::SeqCst);
    let is_lost = || lost.load(Ordering::SeqCst) > born;
    tokio::select! {
        () = copy(from_server, to_client, stalled.clone(), &is_lost, Some((&delay, &swallow))) => {}
        () = copy(from_client, to_server, stalled, &is_lost, None) => {}
        _ = up.wait_for(|up| !up) => {}
    }
}

/// Copies until an end closes, or what was read is to be swallowed.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut stalled: watch::Receiver<bool>,
    is_lost: &impl Fn() -> bool,
    answers: Option<(&AtomicU32, &Swallow)>,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if let Some((delay, _)) = answers {
            tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed).into())).await;
        }
        if is_lost() {
            return std::future::pending().await;
        }
        if answers.is_some_and(|(_, swallow)| swallow.takes(read))
            || stalled.wait_for(|stalled| !stalled).await.is_err()
        {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

impl Swallow {
    fn takes(&self, read: usize) -> bool {
        let from = self.from.load(Ordering::SeqCst);
        let taken = from > 0
            && read >= from
            && self.from.compare_exchange(from, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if taken {
            self.done.notify_one();
        }
        taken
    }
}
