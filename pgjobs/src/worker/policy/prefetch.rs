//! Decides how many jobs to claim, and how long to sleep, without any I/O.
//!
//! A worker that claims only what it has slots for calls the database once for every job, and its slots are
//! empty meanwhile. One that prefetches many jobs keeps them from other workers that could run them, and
//! their leases age. So the prefetch is a time, not a number: what the slots will finish in the next tenth of
//! a second, at the rate at which they finish now, and while the database answers. For slow jobs that is
//! nothing, for fast ones and a distant database it is many jobs.
//!
//! A claim that was not answered in time, or was refused, was too large: then the worker claims half as many
//! jobs, down to a single one, and from there twice as many after each success.

use std::time::{Duration, Instant};

/// How far to prefetch, as time.
const AHEAD: Duration = Duration::from_millis(100);
/// The same in claims: while one is running, and the next is being sent, the slots work on.
const CLAIMS_AHEAD: u32 = 2;
/// A claim that takes longer waits for something, and does not show how far away the database is.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);
/// The largest claim, and the most jobs to prefetch.
pub(crate) const MOST: usize = 2000;
/// How quickly the measured rate follows a change: most of it within this time.
const MEMORY: Duration = Duration::from_millis(200);
/// The shortest time over which the rate is measured, in seconds: of one server, and of one of several.
const SHORTEST: f64 = 0.001;
const SHORTEST_AMONG_OTHERS: f64 = 0.05;
/// The first pause after the last job; doubled after each claim that finds nothing. A shorter pause would
/// find only jobs that were published while no worker slept and that committed after the last claim, and
/// would delay the next job.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The jobs that the worker has at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    /// Claimed, and the database does not have the outcome yet.
    pub(crate) open: usize,
    /// Claimed, not started.
    pub(crate) waiting: usize,
    /// Started, not ended.
    pub(crate) running: usize,
    /// Ended since the worker started.
    pub(crate) finished: u64,
}

impl Load {
    /// Both together.
    pub(crate) fn and(self, other: Load) -> Load {
        Load {
            open: self.open + other.open,
            waiting: self.waiting + other.waiting,
            running: self.running + other.running,
            finished: self.finished + other.finished,
        }
    }
}

/// How many jobs to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) jobs: usize,
    /// How many of them exceed the slots that are free now.
    pub(crate) ahead: usize,
}

pub(crate) struct Pace {
    pub(super) slots: usize,
    longest_pause: Duration,
    pause: Duration,
    rate: f64,
    seen: (Instant, u64),
    /// The shortest time over which the rate is measured, in seconds.
    shortest: f64,
    /// How long the last claims took, smoothed.
    round_trip: Duration,
    /// No claim is for more jobs than this.
    limit: usize,
}

impl Pace {
    pub(crate) fn new(slots: usize, longest_pause: Duration, now: Instant) -> Self {
        Pace {
            slots,
            longest_pause,
            pause: FIRST_PAUSE.min(longest_pause),
            rate: 0.0,
            seen: (now, 0),
            shortest: SHORTEST,
            round_trip: Duration::ZERO,
            limit: MOST,
        }
    }

    /// The slots are shared with other servers, so that runs end while this loop has just looked: measured over
    /// a millisecond, a few that end together would look like thousands a second, and what is prefetched
    /// for them would keep the slots from others.
    pub(crate) fn among_others(&mut self) {
        self.shortest = SHORTEST_AMONG_OTHERS;
    }

    /// How many jobs to claim now; 0 means to wait until the load has changed.
    pub(crate) fn want(&mut self, load: Load, now: Instant) -> Want {
        const NOTHING: Want = Want { jobs: 0, ahead: 0 };
        self.measure(load.finished, now);
        if load.open > self.slots + 2 * MOST {
            return NOTHING; // outcomes do not reach the database: more runs would only add to them
        }
        let free = self.slots.saturating_sub(load.running);
        let target = free + self.ahead();
        // Claim nothing while over half of the target waits: fewer and larger claims.
        if load.waiting > target / 2 {
            return NOTHING;
        }
        let jobs = target.saturating_sub(load.waiting).min(self.limit);
        Want { jobs, ahead: jobs.saturating_sub(free.saturating_sub(load.waiting)) }
    }

    /// A claim was answered after this time.
    pub(crate) fn answered(&mut self, took: Duration) {
        let took = took.min(LONGEST_ROUND_TRIP);
        self.round_trip = if took < self.round_trip { took } else { (3 * self.round_trip + took) / 4 };
        self.limit = (self.limit * 2).min(MOST);
    }

    /// A claim for this many jobs was too large: it was not answered in time, or was refused.
    pub(crate) fn was_too_much(&mut self, jobs: usize) {
        self.limit = (jobs.min(self.limit) / 2).max(1);
    }

    /// Whether claims are as large as wanted.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.limit == MOST
    }

    /// How long to sleep after a claim; `None` when there may be more jobs. `all`: the claim took all the
    /// jobs there were, and whoever publishes from now on wakes this worker up.
    pub(crate) fn rest(&mut self, claimed: usize, all: bool) -> Option<Duration> {
        if claimed > 0 {
            self.pause = FIRST_PAUSE.min(self.longest_pause);
            return all.then_some(self.pause);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(self.longest_pause);
        Some(pause)
    }

    fn ahead(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is small and positive"
        )]
        let jobs = (self.rate * (AHEAD + CLAIMS_AHEAD * self.round_trip).as_secs_f64()) as usize;
        jobs.min(MOST)
    }

    fn measure(&mut self, finished: u64, now: Instant) {
        let elapsed = now.duration_since(self.seen.0).as_secs_f64();
        if elapsed < self.shortest {
            return; // too short to measure; the next call measures over both
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of jobs since the last look")]
        let rate = finished.saturating_sub(self.seen.1) as f64 / elapsed;
        let weight = (elapsed / MEMORY.as_secs_f64()).min(1.0).max(if rate > self.rate { 0.5 } else { 0.0 });
        self.rate += (rate - self.rate) * weight;
        self.seen = (now, finished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(pace: &mut Pace, load: Load, now: Instant) -> usize {
        pace.want(load, now).jobs
    }

    fn load(waiting: usize, running: usize, finished: u64) -> Load {
        Load { open: waiting + running, waiting, running, finished }
    }

    #[test]
    fn slow_jobs_are_claimed_only_for_free_slots() {
        let start = Instant::now();
        let mut pace = Pace::new(16, Duration::from_secs(1), start);
        assert_eq!(want(&mut pace, load(0, 0, 0), start), 16);
        let later = start + Duration::from_secs(1);
        assert_eq!(want(&mut pace, load(0, 16, 0), later), 0);
        // 16 jobs a second: a tenth of a second holds one or two.
        let later = later + Duration::from_secs(1);
        assert_eq!(want(&mut pace, load(0, 15, 16), later), 2);
    }

    #[test]
    fn fast_jobs_are_claimed_ahead_but_never_more_than_the_limit() {
        let start = Instant::now();
        let mut pace = Pace::new(16, Duration::from_secs(1), start);
        want(&mut pace, load(0, 0, 0), start);
        let later = start + Duration::from_secs(1);
        assert_eq!(want(&mut pace, load(0, 16, 5000), later), 500);
        let later = later + Duration::from_secs(1);
        assert_eq!(want(&mut pace, load(0, 16, 1_000_000), later), MOST);
    }

    #[test]
    fn a_half_full_queue_waits_for_a_larger_batch() {
        let start = Instant::now();
        let mut pace = Pace::new(10, Duration::from_secs(1), start);
        want(&mut pace, load(0, 0, 0), start);
        let later = start + Duration::from_secs(1);
        assert_eq!(want(&mut pace, load(60, 10, 1000), later), 0);
        assert_eq!(want(&mut pace, load(40, 10, 1000), later), 60);
    }

    #[test]
    fn nothing_is_claimed_while_outcomes_do_not_get_through() {
        let start = Instant::now();
        let mut pace = Pace::new(10, Duration::from_secs(1), start);
        assert_eq!(
            want(&mut pace, Load { open: 10 + 2 * MOST + 1, waiting: 0, running: 0, finished: 0 }, start),
            0
        );
    }

    #[test]
    fn the_rest_grows_while_nothing_comes_and_starts_over_after_a_job() {
        let mut pace = Pace::new(1, Duration::from_millis(300), Instant::now());
        let rests: Vec<_> = (0..4).map(|_| pace.rest(0, true).unwrap().as_millis()).collect();
        assert_eq!(rests, [50, 100, 200, 300]);
        assert_eq!(pace.rest(1, false), None);
        assert_eq!(pace.rest(0, true), Some(FIRST_PAUSE));
    }

    #[test]
    fn a_claim_that_took_all_there_was_is_not_followed_by_another_at_once() {
        let mut pace = Pace::new(1, Duration::from_millis(300), Instant::now());
        assert_eq!(pace.rest(0, true), Some(FIRST_PAUSE));
        assert_eq!(pace.rest(1, true), Some(FIRST_PAUSE));
    }

    #[test]
    fn what_is_claimed_beyond_the_free_slots_is_claimed_ahead() {
        let start = Instant::now();
        let mut pace = Pace::new(16, Duration::from_secs(1), start);
        assert_eq!(pace.want(load(0, 10, 0), start), Want { jobs: 6, ahead: 0 });
        let later = start + Duration::from_secs(1);
        assert_eq!(pace.want(load(0, 10, 1000), later), Want { jobs: 106, ahead: 100 });
        assert_eq!(
            pace.want(load(4, 10, 1000), later),
            Want { jobs: 102, ahead: 100 },
            "four take the free slots"
        );
    }

    #[test]
    fn a_database_that_is_far_away_is_asked_for_what_runs_meanwhile() {
        let start = Instant::now();
        let mut pace = Pace::new(16, Duration::from_secs(1), start);
        want(&mut pace, load(0, 0, 0), start);
        (0..20).for_each(|_| pace.answered(Duration::from_millis(400)));
        let later = start + Duration::from_secs(1);
        let jobs = want(&mut pace, load(0, 16, 1000), later);
        assert!((850..=900).contains(&jobs), "a tenth of a second and two ways: {jobs}");
        pace.answered(Duration::from_millis(1));
        assert_eq!(want(&mut pace, load(0, 16, 1000), later), 102, "one quick answer shows the way");
        (0..20).for_each(|_| pace.answered(Duration::from_secs(60)));
        assert!(want(&mut pace, load(0, 16, 1000), later) <= 2100, "a standstill is no way");
    }

    #[test]
    fn what_was_too_much_is_halved_down_to_one_and_grows_back() {
        let start = Instant::now();
        let mut pace = Pace::new(100, Duration::from_secs(1), start);
        let mut claimed = Vec::new();
        for _ in 0..9 {
            let jobs = want(&mut pace, load(0, 0, 0), start);
            claimed.push(jobs);
            pace.was_too_much(jobs);
        }
        assert_eq!(claimed, [100, 50, 25, 12, 6, 3, 1, 1, 1]);
        for jobs in [1, 2, 4, 8, 16, 32, 64, 100] {
            assert_eq!(want(&mut pace, load(0, 0, 0), start), jobs);
            pace.answered(Duration::ZERO);
        }
    }
}
