//! Decides when heartbeats and maintenance are due.

use std::time::{Duration, Instant};

/// The time between two rounds.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// The time between two checks of the partitions of the history.
pub(crate) const RETAIN: Duration = Duration::from_secs(600);

pub(crate) struct Beats {
    lease: Duration,
    /// The last heartbeat that arrived.
    beat: Instant,
    retained: Instant,
    /// The last failed call or suspension of the process.
    trouble: Option<Instant>,
}

impl Beats {
    /// Made when the worker has just registered.
    pub(crate) fn new(lease: Duration, now: Instant) -> Self {
        Beats { lease, beat: now, retained: now, trouble: None }
    }

    /// The time between two heartbeats: three fit into a lease.
    pub(crate) fn interval(&self) -> Duration {
        self.lease / 3
    }

    /// The time between two rounds.
    pub(crate) fn pause(&self) -> Duration {
        TICK.min(self.interval())
    }

    /// Whether this round sends a heartbeat: the next one might be too late for it.
    pub(crate) fn beat_is_due(&mut self, now: Instant) -> bool {
        self.note_standstill(now);
        now.duration_since(self.beat) + self.pause() > self.interval()
    }

    pub(crate) fn has_beaten(&mut self, well: bool, now: Instant) {
        self.note_standstill(now); // the answer may have been unread for long
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

    /// Whether this round sweeps, or only promotes. After an outage every worker's heartbeat is old, and the
    /// first worker to reconnect would declare all the others dead: this gives them a lease to reconnect as
    /// well.
    pub(crate) fn sweep_is_due(&self, now: Instant) -> bool {
        self.trouble.is_none_or(|since| now.duration_since(since) > self.lease)
    }

    pub(crate) fn has_swept(&mut self, well: bool, now: Instant) {
        if !well {
            self.trouble = Some(now);
        }
    }

    /// Whether to check the partitions of the history again, if the last check has ended.
    pub(crate) fn partitions_are_due(&mut self, has_ended: bool, now: Instant) -> bool {
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
        // Found by the simulation: suspended between the call and its answer, which then seems fresh.
        let answered = start + 2 * lease;
        let mut beats = Beats::new(lease, start);
        beats.has_beaten(true, answered);
        assert!(!beats.sweep_is_due(answered + lease));
        assert!(beats.sweep_is_due(answered + lease + TICK));
    }
}
