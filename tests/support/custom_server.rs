//! A server of one test's own, started through a command that changes its world: its clock, its limits.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::child_process::{ChildProcess, as_server_user, folder};
use crate::{Db, server, until};

/// A server, durable, on a socket in a folder of its own.
pub struct CustomServer {
    folder: PathBuf,
    program: ChildProcess,
    /// How it was started.
    command: Vec<String>,
}

impl CustomServer {
    /// Starts it by `prefix`, a program and its first arguments.
    pub async fn start(prefix: &[&str]) -> Self {
        let other = server().await;
        let folder = folder(other, "own");
        let data = text(&folder.join("data"));
        let mut make = as_server_user(other, &other.bindir().join("initdb"));
        // Small segments: a limit on the size of files must not be one on the log. The encoding, because without any
        // LANG in the environment initdb would take ASCII.
        let options = [
            "-A",
            "trust",
            "-U",
            "postgres",
            "-N",
            "-E",
            "UTF8",
            "--no-locale",
            "--wal-segsize=1",
            "-D",
            &data,
        ];
        let made = make.args(options).output().expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (postgres, socket) = (text(&other.bindir().join("postgres")), text(&folder));
        let server = [&*postgres, "-D", &data, "-k", &socket, "-p", "5432", "-h", "", "-N", "100"];
        let command = [prefix, &server].concat();
        let program = ChildProcess::start(other, Path::new(command[0]), &command[1..]);
        let command = command.into_iter().map(str::to_owned).collect();
        let own = CustomServer { folder, program, command };
        own.answers().await;
        own
    }

    async fn answers(&self) {
        until("the server answers", async || match self.options().connect().await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        })
        .await;
    }

    /// Kills all its processes without a word, as the loss of its machine would.
    pub async fn kill(&mut self) {
        let postmaster = self.pid();
        let children = Command::new("pgrep").args(["-P", &postmaster]).output().expect("pgrep");
        let children = String::from_utf8(children.stdout).expect("numbers");
        let pids: Vec<&str> = std::iter::once(&*postmaster).chain(children.lines()).collect();
        let killed = Command::new("kill").arg("-9").args(&pids).status();
        killed.expect("kill"); // it fails for a child that has just ended
        self.program.kill();
        until("its processes are gone", async || {
            pids.iter().all(|pid| !Path::new("/proc").join(pid).exists())
        })
        .await;
    }

    /// Starts it again where it was killed.
    pub async fn start_again(&mut self) {
        let rest: Vec<&str> = self.command[1..].iter().map(String::as_str).collect();
        self.program = ChildProcess::start(server().await, Path::new(&self.command[0]), &rest);
        self.answers().await;
    }

    /// Its database, with schema `jobs`.
    pub async fn db(&self) -> Db {
        let pool = PgPoolOptions::new().max_connections(10).connect_lazy_with(self.options());
        pgjobs::migrate(&pool).await.unwrap_or_else(|error| panic!("{error}"));
        let url = format!("postgresql:///postgres?host={}&user=postgres&port=5432", self.folder.display());
        Db { pool, url }
    }

    /// The postmaster's process.
    pub fn pid(&self) -> String {
        let file =
            std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("a running server");
        file.lines().next().expect("a process").to_owned()
    }

    /// Sets how large its files may grow, in each of its processes; `None`: as they like.
    pub async fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let postmaster = self.pid();
        // The postmaster first: whoever is born later has it from there.
        set_limit(&postmaster, &limit).await;
        let children = Command::new("pgrep").args(["-P", &postmaster]).output().expect("pgrep");
        for pid in String::from_utf8(children.stdout).expect("numbers").lines() {
            set_limit(pid, &limit).await;
        }
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().socket(&self.folder).username("postgres").database("postgres")
    }
}

impl Drop for CustomServer {
    fn drop(&mut self) {
        self.program.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// As the server's user, whose processes they are. One that has ended has no limits any more, and is there until it
/// is reaped.
async fn set_limit(pid: &str, limit: &str) {
    let server = server().await;
    until("the limit is set", async || {
        let mut set = as_server_user(server, Path::new("prlimit"));
        let set = set.args(["--pid", pid, &format!("--fsize={limit}:unlimited")]).output();
        set.expect("prlimit, of the package util-linux").status.success()
            || !Path::new("/proc").join(pid).exists()
    })
    .await;
}
