//! Harm to a whole machine: its clock, its disk.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

use pgjobs_tests::{CustomServer, Db};

use crate::experiment::Scene;
use crate::faults::{Fault, pause};

const HOUR: i64 = 3600;

/// The wall clock of the workers' machine and that of the server's step forward and back by an hour. The monotonic clock goes on as it
/// does on a machine whose time is set.
pub(crate) struct Clocks {
    workers: Clock,
    servers: Clock,
    server: Option<CustomServer>,
    /// Steps that were seen: starts that a worker with a wrong clock noted, and the server's own word.
    noted: [i64; 2],
    servers_steps: usize,
}

impl Default for Clocks {
    fn default() -> Self {
        let (workers, servers) = (Clock::new("workers"), Clock::new("server"));
        Clocks { workers, servers, server: None, noted: [0; 2], servers_steps: 0 }
    }
}

impl Clocks {
    async fn step_workers(&mut self, scene: &Scene, way: usize, seconds: i64) {
        let before = scene.db.one::<i64>("select coalesce(max(nth), 0) from lab.event").await;
        self.workers.set(seconds);
        pause(2000).await;
        let noted = "select count(*) from lab.event where clock - extract(epoch from at) between";
        let (from, to) = (seconds - 60, seconds + 60);
        self.noted[way] += scene.db.one::<i64>(&format!("{noted} {from} and {to} and nth > {before}")).await;
        self.workers.set(0);
    }

    async fn step_server(&mut self, scene: &Scene, seconds: i64) {
        self.servers.set(seconds);
        pause(2000).await;
        let now = scene.db.one::<f64>("select extract(epoch from jobs.now())::float8").await;
        let true_now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs_f64();
        assert!(
            (now - true_now - seconds as f64).abs() < 60.0,
            "the server's clock did not step by {seconds} s"
        );
        self.servers_steps += 1;
    }
}

impl Fault for Clocks {
    async fn database(&mut self) -> Db {
        let variables = self.servers.environment().map(|(name, value)| format!("{name}={value}"));
        let prefix: Vec<&str> =
            std::iter::once("/usr/bin/env").chain(variables.iter().map(String::as_str)).collect();
        self.server.insert(CustomServer::start(&prefix).await).db().await
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        self.workers.environment().into()
    }

    async fn strike(&mut self, scene: &mut Scene) {
        self.step_workers(scene, 0, HOUR).await;
        self.step_workers(scene, 1, -HOUR).await;
        for seconds in [HOUR, 0, -HOUR, 0] {
            self.step_server(scene, seconds).await;
        }
    }

    /// An hour on for good: a run that was charged just before the server's clock went back would wait for that hour.
    async fn cease(&mut self, _scene: &mut Scene) {
        self.servers.set(HOUR);
    }

    fn counts(&self) -> String {
        let noted: i64 = self.noted.iter().sum();
        format!("{} steps of the server, {noted} starts on a worker an hour off", self.servers_steps)
    }

    async fn has_struck_enough(&self, _scene: &Scene) -> bool {
        self.noted.iter().all(|starts| *starts > 0) && self.servers_steps >= 4
    }
}

/// A clock that is moved by writing into a file, for programs that have libfaketime loaded.
struct Clock(PathBuf);

impl Clock {
    fn new(whose: &str) -> Self {
        let clock = Clock(std::env::temp_dir().join(format!("pgjobs-clock-{whose}-{}", std::process::id())));
        clock.set(0);
        clock
    }

    /// In one step, so that nobody reads half of it.
    fn set(&self, seconds: i64) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}s\n")).expect("the clock");
        std::fs::rename(&next, &self.0).expect("the clock");
    }

    fn environment(&self) -> [(&'static str, String); 6] {
        let one = || "1".to_owned();
        [
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.0.display().to_string()),
            ("FAKETIME_NO_CACHE", one()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", one()),
            ("DONT_FAKE_MONOTONIC", one()),
            ("NO_FAKE_STAT", one()),
        ]
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A test that is left out because something is missing looks like one that passed, so this fails.
fn library() -> PathBuf {
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(Path::new);
    let inside =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let candidates = folders.into_iter().flat_map(|folder| inside(folder).chain([folder.to_owned()]));
    candidates
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!("this experiment needs libfaketime, which is not here: `apt-get install faketime`")
        })
}

/// No file of the server may grow beyond a megabyte, as on a full disk, until there is space again.
#[derive(Default)]
pub(crate) struct FullDisks {
    server: Option<CustomServer>,
    fills: usize,
}

impl Fault for FullDisks {
    async fn database(&mut self) -> Db {
        self.server.insert(CustomServer::start(&["/usr/bin/env"]).await).db().await
    }

    /// Enough to fill a megabyte of every table that jobs pass through before the disk is full.
    fn ballast(&self) -> usize {
        8000
    }

    async fn strike(&mut self, _scene: &mut Scene) {
        let server = self.server.as_ref().expect("its server");
        pause(4000).await;
        server.limit_files(Some(1 << 20)).await;
        pause(2500).await;
        server.limit_files(None).await;
        self.fills += 1;
    }

    fn counts(&self) -> String {
        format!("{} times full", self.fills)
    }

    /// Enough, and a publisher was told.
    async fn has_struck_enough(&self, scene: &Scene) -> bool {
        self.fills >= 2 && scene.progress.refused.load(Relaxed) > 0
    }
}
