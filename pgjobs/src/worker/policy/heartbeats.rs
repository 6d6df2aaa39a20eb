//! When house-keeping is due.

use std::time::{Duration, Instant};

/// Between two rounds.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// Between two looks at the partitions of the history.
pub(crate) const RETAIN: Duration = Duration::from_secs(600);

pub(crate) struct Beats {
    lease: Duration,
    /// The last heartbeat that arrived.
    beat: Instant,
    retained: Instant,
    /// The last trouble.
    trouble: Option<Instant>,
}

impl Beats {
    /// At a moment when the worker has just registered.
    pub(crate) fn new(lease: Duration, now: Instant) -> Self {
        Beats { lease, beat: now, retained: now, trouble: None }
    }

    /// Three heartbeats fit into a lease.
    pub(crate) fn interval(&self) -> Duration {
        self.lease / 3
    }

    /// Between two rounds.
    pub(crate) fn pause(&self) -> Duration {
        TICK.min(self.interval())
    }

    /// Whether this round beats: the next one might come too late for it.
    pub(crate) fn beat_is_due(&mut self, now: Instant) -> bool {
        self.note_standstill(now);
        now.duration_since(self.beat) + self.pause() > self.interval()
    }

    pub(crate) fn has_beaten(&mut self, well: bool, now: Instant) {
        self.note_standstill(now); // the answer may have lain here for long
        if well {
            self.beat = now;
        } else {
            self.trouble = Some(now);
        }
    }

    fn note_standstill(&mut self, now: Instant) {
        if now.duration_since(self.beat) > self.lease {
            self.trouble = Some(now);
        }
    }

    /// Whether this round sweeps, or only puts in line what is due. After trouble every worker's heartbeat is old, and whoever comes back
    /// first would declare all the others dead: they get the time of a lease to come back as well.
    pub(crate) fn sweep_is_due(&self, now: Instant) -> bool {
        self.trouble.is_none_or(|since| now.duration_since(since) > self.lease)
    }

    pub(crate) fn has_swept(&mut self, well: bool, now: Instant) {
        if !well {
            self.trouble = Some(now);
        }
    }

    /// Whether to look at the history's partitions again, when the last look has ended.
    pub(crate) fn retain_is_due(&mut self, has_ended: bool, now: Instant) -> bool {
        let due = has_ended && now.duration_since(self.retained) > RETAIN;
        if due {
            self.retained = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_stood_still_sweeps_nobody_for_a_lease() {
        let (lease, start) = (Duration::from_secs(15), Instant::now());
        // Found by a schedule: stopped between the question and the answer, which then looks fresh.
        let answered = start + 2 * lease;
        let mut beats = Beats::new(lease, start);
        beats.has_beaten(true, answered);
        assert!(!beats.sweep_is_due(answered + lease));
        assert!(beats.sweep_is_due(answered + lease + TICK));
    }
}
