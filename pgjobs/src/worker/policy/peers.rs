//! What a worker leaves to others of its kind.
//!
//! A notification reaches every worker that sleeps, and one job needs one of them. So of many only a few look at once,
//! by lot; the others sleep on until their own next look, which is never far: among many workers one looks every few
//! milliseconds. (And where they look rarely, some look a moment later in any case: the lot may have fallen on none.) Who was woken and got all that it could take says so, and the next few look: a batch of many jobs
//! wakes as many workers as it needs, in a few rounds. Few workers all look at once.
//!
//! The house-keeping is shared out likewise: together they do it as often as one alone.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::heartbeats::TICK;

/// So many of the workers that sleep look when they are woken.
const LOOKING: usize = 4;
/// The longest time between two rounds of house-keeping of one worker.
const LONGEST: Duration = Duration::from_secs(10);
/// The time between two counts, for each worker that there is; at least.
const COUNT_EACH: Duration = Duration::from_millis(100);
const SHORTEST_COUNT: Duration = Duration::from_secs(5);

/// The workers that share a task with this one, itself among them.
pub(crate) struct Peers {
    alive: AtomicUsize,
    idle: AtomicUsize,
}

impl Default for Peers {
    /// Alone, as far as it knows.
    fn default() -> Self {
        Peers { alive: AtomicUsize::new(1), idle: AtomicUsize::new(1) }
    }
}

impl Peers {
    pub(crate) fn counted(&self, alive: usize, idle: usize) {
        self.alive.store(alive.max(1), Relaxed);
        self.idle.store(idle.max(1), Relaxed);
    }

    /// Whether to look at once when woken; `lot` lies within 0 and 1.
    pub(crate) fn looks(&self, lot: f64) -> bool {
        let idle = self.idle.load(Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
        let share = LOOKING as f64 / idle as f64;
        lot < share
    }

    /// When to look at the latest after leaving a look to others, who may have done the same: together they
    /// look a few times a second.
    pub(crate) fn later(&self, lot: f64) -> Duration {
        let idle = u32::try_from(self.idle.load(Relaxed)).unwrap_or(u32::MAX);
        (TICK.saturating_mul(idle) / 4).mul_f64(lot)
    }

    /// Whether others would not hear of work that this one leaves.
    pub(crate) fn are_many(&self) -> bool {
        self.idle.load(Relaxed) > LOOKING
    }

    /// Until the next round of house-keeping; `lot` spreads them.
    pub(crate) fn tend_pause(&self, lot: f64) -> Duration {
        let alive = u32::try_from(self.alive.load(Relaxed)).unwrap_or(u32::MAX);
        let share = (TICK.saturating_mul(alive) / 4).clamp(TICK, LONGEST);
        if alive <= 4 { share } else { share.mul_f64(0.5 + lot) }
    }

    /// Until they are counted again.
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

    /// How many of so many look.
    fn looking(number: usize) -> usize {
        let mut rng = fastrand::Rng::with_seed(7);
        let peers = peers(number);
        (0..1000 * number).filter(|_| peers.looks(rng.f64())).count() / 1000
    }

    #[test]
    fn few_workers_all_look_and_of_many_as_many() {
        assert_eq!([1, 2, 4].map(looking), [1, 2, 4]);
        for number in [5, 50, 500] {
            assert!((3..=4).contains(&looking(number)), "{number}: {}", looking(number));
        }
        assert!(!peers(4).are_many() && peers(5).are_many());
    }

    #[test]
    fn together_they_tend_a_few_times_a_second_and_one_alone_each() {
        assert_eq!(peers(1).tend_pause(0.9), TICK);
        assert_eq!(peers(4).tend_pause(0.9), TICK);
        assert_eq!(peers(40).tend_pause(0.5), LONGEST);
        assert!(peers(20).tend_pause(0.0) < peers(20).tend_pause(0.9));
    }
}
