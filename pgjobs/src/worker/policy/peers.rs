//! Decides what a worker leaves to other workers.
//!
//! A notification reaches every worker that sleeps, and one job is for one of them. So of many workers only a
//! few, chosen at random, claim at once. The others sleep until their own next poll, which is never far:
//! among many workers one polls every few milliseconds. (And where they poll rarely, some claim a moment
//! later in any case: the random choice may have picked no worker.) A worker that was woken up and got all
//! that it could take sends the notification again, and the next few claim: a publish of many jobs wakes up
//! as many workers as it takes, in a few rounds. Few workers all claim at once.
//!
//! Workers share the maintenance likewise: the more workers there are, the less often each one does it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::heartbeats::TICK;

/// How many of the sleeping workers claim when they are woken up.
const LOOKING: usize = 4;
/// The longest time, on average, between two rounds of maintenance of one worker.
const LONGEST: Duration = Duration::from_secs(10);
/// The time between two counts of the workers, for each of them; `SHORTEST_COUNT` at least.
const COUNT_EACH: Duration = Duration::from_millis(100);
const SHORTEST_COUNT: Duration = Duration::from_secs(5);

/// The workers that share a task with this one, including itself.
pub(crate) struct Peers {
    alive: AtomicUsize,
    idle: AtomicUsize,
}

impl Default for Peers {
    /// One worker, as far as it knows.
    fn default() -> Self {
        Peers { alive: AtomicUsize::new(1), idle: AtomicUsize::new(1) }
    }
}

impl Peers {
    pub(crate) fn counted(&self, alive: usize, idle: usize) {
        self.alive.store(alive.max(1), Relaxed);
        self.idle.store(idle.max(1), Relaxed);
    }

    /// Whether to claim at once when woken up; `lot` is a random number between 0 and 1.
    pub(crate) fn looks(&self, lot: f64) -> bool {
        let idle = self.idle.load(Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
        let share = LOOKING as f64 / idle as f64;
        lot < share
    }

    /// When to claim at the latest after leaving a notification to others, which may have done the same:
    /// together they claim a few times a second.
    pub(crate) fn later(&self, lot: f64) -> Duration {
        let idle = u32::try_from(self.idle.load(Relaxed)).unwrap_or(u32::MAX);
        (TICK.saturating_mul(idle) / 4).mul_f64(lot)
    }

    /// Whether a notification may leave workers asleep that could take the jobs left by this one.
    pub(crate) fn are_many(&self) -> bool {
        self.idle.load(Relaxed) > LOOKING
    }

    /// The time until the next round of maintenance; `lot` spreads the workers.
    pub(crate) fn maintain_pause(&self, lot: f64) -> Duration {
        let alive = u32::try_from(self.alive.load(Relaxed)).unwrap_or(u32::MAX);
        let share = (TICK.saturating_mul(alive) / 4).clamp(TICK, LONGEST);
        if alive <= 4 { share } else { share.mul_f64(0.5 + lot) }
    }

    /// The time until the workers are counted again.
    pub(crate) fn count_pause(&self) -> Duration {
        let alive = u32::try_from(self.alive.load(Relaxed)).unwrap_or(u32::MAX);
        COUNT_EACH.saturating_mul(alive).max(SHORTEST_COUNT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(number: usize) -> Peers {
        let peers = Peers::default();
        peers.counted(number, number);
        peers
    }

    /// How many of `number` workers claim.
    fn looking(number: usize) -> usize {
        let mut rng = fastrand::Rng::with_seed(7);
        let peers = peers(number);
        (0..1000 * number).filter(|_| peers.looks(rng.f64())).count() / 1000
    }

    #[test]
    fn few_workers_all_poll_and_of_many_as_many() {
        assert_eq!([1, 2, 4].map(looking), [1, 2, 4]);
        for number in [5, 50, 500] {
            assert!((3..=4).contains(&looking(number)), "{number}: {}", looking(number));
        }
        assert!(!peers(4).are_many() && peers(5).are_many());
    }

    #[test]
    fn all_workers_maintain_a_few_times_a_second_and_a_single_one_each() {
        assert_eq!(peers(1).maintain_pause(0.9), TICK);
        assert_eq!(peers(4).maintain_pause(0.9), TICK);
        assert_eq!(peers(40).maintain_pause(0.5), LONGEST);
        assert!(peers(20).maintain_pause(0.0) < peers(20).maintain_pause(0.9));
    }
}
