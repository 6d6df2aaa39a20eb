//! How busy the machine is, so that a limit on a time says something of the product and not of its neighbours.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a step of some milliseconds costs on an idle machine.
const STEP: Duration = Duration::from_millis(50);

/// A thread of its own that sleeps and writes to the disk again and again, and knows how late it was at the worst.
///
/// What takes a few steps of several processes may take so much longer a few times over.
pub struct Lateness {
    worst: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lateness {
    /// Begins to watch.
    pub fn watch() -> Self {
        let (worst, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let watcher = (worst.clone(), ended.clone());
        let thread = std::thread::spawn(move || watch(&watcher.0, &watcher.1));
        Lateness { worst, ended, thread: Some(thread) }
    }

    /// By how much the latest step so far was late.
    pub fn worst(&self) -> Duration {
        Duration::from_micros(self.worst.load(Ordering::Relaxed))
    }

    /// `limit` as it is on a machine with nothing else to do, and on this one so many steps more as it was late.
    pub fn allow(&self, limit: Duration) -> Duration {
        limit + 10 * self.worst()
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn watch(worst: &AtomicU64, ended: &AtomicBool) {
    let path =
        std::env::temp_dir().join(format!("pgjobs-lateness-{}-{}", std::process::id(), fastrand::u64(..)));
    let mut file = File::create(&path).expect("a file to write to");
    let _ = std::fs::remove_file(&path);
    while !ended.load(Ordering::Relaxed) {
        let begun = Instant::now();
        std::thread::sleep(STEP);
        file.write_all(b"x").and_then(|()| file.sync_data()).expect("the disk");
        let late = begun.elapsed().saturating_sub(STEP).as_micros();
        worst.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
