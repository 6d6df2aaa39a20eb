//! Detects whether the user's runtime runs what it is given.
//!
//! The worker's own threads go on whatever the handlers do, and keep the lease alive; that is their purpose.
//! But if every thread of the user's runtime is blocked, or nobody drives it any more, the lease keeps jobs
//! that never start. So the worker spawns an empty task on that runtime now and then; as long as that task
//! does not run, no job does.

use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulse {
    Beats,
    /// It has run nothing for longer than the worker's lease.
    Stopped,
    /// It runs again, after this time.
    Resumed(Duration),
}

pub(crate) struct Watch {
    lease: Duration,
    round: Instant,
    silent: Duration,
    stopped: bool,
}

impl Watch {
    pub(crate) fn new(lease: Duration, now: Instant) -> Self {
        Watch { lease, round: now, silent: Duration::ZERO, stopped: false }
    }

    /// Records a round in which the last empty task has run, or not.
    pub(crate) fn round(&mut self, has_run: bool, now: Instant) -> Pulse {
        let since = now.duration_since(std::mem::replace(&mut self.round, now));
        if has_run {
            let silent = std::mem::take(&mut self.silent);
            return if std::mem::take(&mut self.stopped) { Pulse::Resumed(silent) } else { Pulse::Beats };
        }
        // In a longer round this process was suspended, which shows nothing about the runtime.
        self.silent += since.min(self.lease / 2);
        self.stopped |= self.silent > self.lease;
        if self.stopped { Pulse::Stopped } else { Pulse::Beats }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_runtime_that_runs_nothing_for_a_lease_has_stopped() {
        let mut now = Instant::now();
        let mut watch = Watch::new(3 * SECOND, now);
        let mut round = |has_run, after| {
            now += after;
            watch.round(has_run, now)
        };
        for _ in 0..3 {
            assert_eq!(round(false, SECOND), Pulse::Beats);
        }
        assert_eq!(round(false, SECOND), Pulse::Stopped);
        assert_eq!(round(false, SECOND), Pulse::Stopped);
        assert_eq!(round(true, SECOND), Pulse::Resumed(5 * SECOND));
        assert_eq!(round(true, SECOND), Pulse::Beats);
    }

    #[test]
    fn a_process_that_stood_still_has_no_stopped_runtime() {
        let mut now = Instant::now();
        let mut watch = Watch::new(3 * SECOND, now);
        now += 3600 * SECOND;
        assert_eq!(watch.round(false, now), Pulse::Beats);
        assert_eq!(watch.round(true, now), Pulse::Beats);
    }
}
