//! Decides whether prefetched jobs wait too long.
//!
//! A worker prefetches the jobs that its slots would finish in a moment, at the rate of the last ones. When
//! the next jobs take minutes, those prefetched behind them would wait as long, while another worker has
//! slots free.

use std::time::{Duration, Instant};

use super::prefetch::Load;

/// How long jobs may wait while no run ends.
const LONGEST: Duration = Duration::from_secs(1);

pub(crate) struct Ahead {
    finished: u64,
    moved: Instant,
}

impl Ahead {
    pub(crate) fn new(now: Instant) -> Self {
        Ahead { finished: 0, moved: now }
    }

    /// Whether to release the waiting jobs: for `LONGEST`, jobs were waiting and no run has ended.
    pub(crate) fn waits_too_long(&mut self, load: Load, now: Instant) -> bool {
        if load.waiting == 0 || load.finished != self.finished {
            (self.finished, self.moved) = (load.finished, now);
        }
        now.duration_since(self.moved) >= LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_released_when_no_run_has_ended_for_a_second() {
        let start = Instant::now();
        let mut ahead = Ahead::new(start);
        let mut after = |millis, waiting, finished| {
            let load = Load { open: 3, waiting, running: 2, finished };
            ahead.waits_too_long(load, start + Duration::from_millis(millis))
        };
        assert!(!after(5000, 0, 0), "nothing waits");
        assert!(!after(5900, 1, 0));
        assert!(after(6000, 1, 0));
        assert!(!after(6100, 1, 1), "a run has ended");
        assert!(!after(7000, 1, 1));
        assert!(after(7100, 1, 1));
    }
}
