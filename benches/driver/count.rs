//! Counts the task's calls and records their starts, in memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

static HANDLED: AtomicU64 = AtomicU64::new(0);
static STARTS: OnceLock<Vec<AtomicU64>> = OnceLock::new();
static EPOCH: OnceLock<Instant> = OnceLock::new();

/// Time since the first call of this function.
pub(crate) fn clock() -> Duration {
    EPOCH.get_or_init(Instant::now).elapsed()
}

/// Counts a call, and records the start of job `a`.
pub(crate) fn handled(a: i64) {
    if let Some(start) = STARTS.get().zip(usize::try_from(a).ok()).and_then(|(starts, a)| starts.get(a)) {
        start.store(nanoseconds(clock()), Relaxed);
    }
    HANDLED.fetch_add(1, Relaxed);
}

/// Jobs handled so far.
pub(crate) fn total() -> u64 {
    HANDLED.load(Relaxed)
}

/// Allocates room to record the starts of `n` jobs.
pub(crate) fn watch(n: u64) {
    STARTS.get_or_init(|| (0..n).map(|_| AtomicU64::new(0)).collect());
}

/// When job `a` started, if it has.
pub(crate) fn start(a: u64) -> Option<Duration> {
    let at = STARTS.get()?.get(usize::try_from(a).ok()?)?.load(Relaxed);
    (at > 0).then(|| Duration::from_nanos(at))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
