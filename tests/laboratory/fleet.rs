//! Worker processes.

use std::process::{Child, Command, Stdio};

use pgjobs_tests::Db;

/// Their lease, which is how long a dead one's jobs wait at least.
pub(crate) const LEASE_SECONDS: f64 = 2.0;

pub(crate) struct Fleet {
    url: String,
    lab_url: String,
    environment: Vec<(&'static str, String)>,
    workers: Vec<Child>,
}

impl Fleet {
    /// Workers that reach the database by `url`, and note what they do by its own.
    pub(crate) fn start(db: &Db, url: &str, environment: Vec<(&'static str, String)>, size: usize) -> Self {
        let (url, lab_url) = (url.to_owned(), db.url.clone());
        let mut fleet = Fleet { url, lab_url, environment, workers: Vec::new() };
        for _ in 0..size {
            let worker = fleet.spawn();
            fleet.workers.push(worker);
        }
        fleet
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["worker", "--topic", "lab.*", "--concurrency", "8", "--lease", "2s"]);
        command.env("DATABASE_URL", &self.url).env("LAB_URL", &self.lab_url);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("a worker")
    }

    pub(crate) fn size(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn pid(&self, nth: usize) -> u32 {
        self.workers[nth].id()
    }

    /// Kills one without a word, and starts another in its place.
    pub(crate) fn replace(&mut self, nth: usize) {
        self.workers[nth].kill().expect("kill -9");
        self.workers[nth].wait().expect("its end");
        self.workers[nth] = self.spawn();
    }

    pub(crate) fn signal(&self, nth: usize, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid(nth).to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Those that have ended, which none should by itself.
    pub(crate) fn ended(&mut self) -> usize {
        self.workers.iter_mut().filter_map(|worker| worker.try_wait().expect("its status")).count()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
