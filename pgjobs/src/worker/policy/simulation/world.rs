//! One schedule: time, faults, and a worker in it.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::database::{Database, Run};
use super::seen::Seen;
use crate::worker::policy::claiming::View;
use crate::worker::policy::prefetch::Load;

pub(super) const LEASE: u64 = 3000;
pub(super) const SLOTS: usize = 4;
pub(super) const POLL: u64 = 300;
/// The longest schedule: a worker that was asked to stop has time to try its last outcomes, and some more.
pub(super) const LONGEST: u64 = 60_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Faults {
    None,
    All,
    /// No faults, and a worker that ends when no job is left.
    Burst,
    /// No faults, and a limit that lets one job start now and then.
    Limit,
}

/// The result of a call to the database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Answered,
    /// The call never reached the database, and the worker knows that.
    Refused,
    /// No answer came; `done`: whether the database did it.
    Unconfirmed {
        done: bool,
    },
}

pub(super) struct World {
    pub(super) rng: fastrand::Rng,
    pub(super) ms: u64,
    start: Instant,
    faults: Faults,
    outages: Vec<Range<u64>>,
    standstills: Vec<Range<u64>>,
    /// Times in which the user's runtime runs nothing.
    blocks: Vec<Range<u64>>,
    publishes: Vec<(u64, usize)>,
    pub(super) stop_at: u64,
    pub(super) database: Database,
    pub(super) seen: Seen,
    worker: u128,
    pub(super) lost: bool,
    pub(super) needs_reconcile: bool,
    /// As the worker sees it: the runtime has run nothing for longer than a lease.
    pub(super) stuck: bool,
    pub(super) draining: bool,
    pub(super) closing: bool,
    pub(super) line: VecDeque<Run>,
    running: Vec<(u64, Run)>,
    /// In flight until their outcomes are reported.
    pub(super) in_flight: HashSet<Run>,
    /// Outcomes that the settle loop has not taken up, each with whether the job ends.
    pub(super) outcomes: VecDeque<(Run, bool)>,
    /// How many outcomes the settle loop has taken up and the database has not answered.
    pub(super) sending: usize,
    finished: u64,
    pub(super) woken: bool,
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut windows = |most: usize, longest: u64| -> Vec<Range<u64>> {
            let windows = (0..rng.usize(0..=most)).map(|_| {
                let from = rng.u64(0..6000);
                from..from + rng.u64(1..longest)
            });
            if faults == Faults::All { windows.collect() } else { Vec::new() }
        };
        let (mut outages, standstills, blocks) = (windows(4, 4000), windows(2, 6000), windows(1, 9000));
        if faults == Faults::All && rng.u8(..) < 20 {
            outages.push(rng.u64(0..6000)..u64::MAX); // the database stays away
        }
        let most = if faults == Faults::Limit { 40 } else { 400 };
        let publishes = (0..rng.usize(1..20)).map(|_| (rng.u64(0..7000), rng.usize(1..most))).collect();
        let gap = (faults == Faults::Limit).then(|| rng.u64(1..8));
        let stop_at = if faults == Faults::All { rng.u64(500..15_000) } else { 20_000 };
        World {
            rng,
            ms: 0,
            start: Instant::now(),
            faults,
            outages,
            standstills,
            blocks,
            publishes,
            stop_at,
            database: Database::limited(gap),
            seen: Seen::default(),
            worker: 1,
            lost: false,
            needs_reconcile: false,
            stuck: false,
            draining: false,
            closing: false,
            line: VecDeque::new(),
            running: Vec::new(),
            in_flight: HashSet::new(),
            outcomes: VecDeque::new(),
            sending: 0,
            finished: 0,
            woken: false,
        }
    }

    pub(super) fn publish(&mut self) {
        // A burst gets all its jobs at the start.
        let now = if self.faults == Faults::Burst { 8000 } else { self.ms };
        for (_, jobs) in self.publishes.extract_if(.., |(at, _)| *at <= now) {
            if jobs % 3 == 0 {
                self.database.publish_due(jobs);
            } else {
                self.database.publish(jobs);
            }
            self.woken = true;
        }
    }

    pub(super) fn stands_still(&mut self) -> bool {
        let still = self.standstills.iter().any(|window| window.contains(&self.ms));
        self.seen.stood_still += usize::from(still);
        still
    }

    pub(super) fn has_stood_still(&self) -> bool {
        self.seen.stood_still > 0
    }

    /// Whether the runtime is blocked; releases the waiting jobs when it is for longer than a lease.
    fn is_blocked(&mut self) -> bool {
        let blocked = self.blocks.iter().find(|window| window.contains(&self.ms)).cloned();
        self.stuck = blocked.as_ref().is_some_and(|window| self.ms - window.start > LEASE);
        if self.stuck {
            self.seen.stuck += 1;
            while let Some(run) = self.line.pop_front() {
                self.give_outcome(run, false);
            }
        }
        blocked.is_some()
    }

    pub(super) fn start_and_end_runs(&mut self) {
        if self.is_blocked() && !self.draining {
            return;
        }
        let ended: Vec<Run> =
            self.running.extract_if(.., |(end, _)| *end <= self.ms).map(|(_, run)| run).collect();
        for run in ended {
            self.finished += 1;
            self.give_outcome(run, true);
        }
        while let Some(run) = self.line.pop_front_if(|_| self.draining || self.running.len() < SLOTS) {
            if self.draining {
                self.give_outcome(run, false);
            } else if self.in_flight.contains(&run) {
                let takes = if self.rng.u8(..) < 250 { self.rng.u64(0..3) } else { self.rng.u64(0..400) };
                self.running.push((self.ms + takes, run));
            }
        }
    }

    fn give_outcome(&mut self, run: Run, ends: bool) {
        if self.in_flight.remove(&run) {
            self.outcomes.push_back((run, ends));
        }
    }

    /// The database reported that the worker is dead.
    pub(super) fn lose(&mut self) {
        self.seen.lost += usize::from(!self.lost);
        self.lost = true;
    }

    /// Forgets all jobs: they run elsewhere.
    pub(super) fn forget_all(&mut self) {
        self.in_flight.clear();
        self.line.clear();
        self.running.clear();
    }

    pub(super) fn adopt_new_identity(&mut self) {
        self.database.register(self.next_identity(), self.ms + LEASE);
        self.worker += 1;
        self.lost = false;
        self.seen.registered += 1;
    }

    pub(super) fn next_identity(&self) -> Uuid {
        Uuid::from_u128(self.worker + 1)
    }

    pub(super) fn identity(&self) -> Uuid {
        Uuid::from_u128(self.worker)
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    pub(super) fn load(&self) -> Load {
        let open = self.in_flight.len() + self.outcomes.len() + self.sending;
        Load { open, waiting: self.line.len(), running: self.running.len(), finished: self.finished }
    }

    pub(super) fn view(&self) -> View {
        View {
            load: self.load(),
            draining: self.draining,
            lost: self.lost,
            needs_reconcile: self.needs_reconcile,
            stuck: self.stuck,
            paused: false,
        }
    }

    pub(super) fn is_burst(&self) -> bool {
        self.faults == Faults::Burst
    }

    /// The result of a call that began at `began` and ends now.
    pub(super) fn call(&mut self, began: u64) -> Call {
        let broken = self.outages.iter().any(|window| window.start <= self.ms && began < window.end);
        match self.rng.u8(..) {
            _ if !broken => Call::Answered,
            0..128 => Call::Refused,
            dice => Call::Unconfirmed { done: dice % 2 == 0 },
        }
    }

    /// The database was away after the worker was asked to stop, or shortly before.
    pub(super) fn ended_in_trouble(&self) -> bool {
        self.outages.iter().any(|window| window.end > self.stop_at.saturating_sub(LEASE))
    }

    /// The worker was asked to stop, and has nothing left to do.
    pub(super) fn has_left(&self) -> bool {
        self.draining && self.in_flight.is_empty() && self.outcomes.is_empty() && self.sending == 0
    }
}

pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a short time")
}
