//! Jobs of several batch handlers, and of a task that is none, come and run in a worker of few slots.

use std::time::{Duration, Instant};

use super::number;
use crate::worker::policy::gather::{self, Gathered, Slots, Step};

/// The jobs of one handler that wait for their joint run, by the millisecond in which each came.
#[derive(Default)]
struct Set {
    most: usize,
    linger: u64,
    came: Vec<u64>,
}

/// A worker with the jobs that it has, in steps of a millisecond.
struct Slotted {
    rng: fastrand::Rng,
    begun: Instant,
    ms: u64,
    slots: usize,
    sets: Vec<Set>,
    /// Claimed, without a slot: the handler of each; beyond the handlers: of no batch handler.
    line: Vec<usize>,
    /// The slots of each run, and when it ends.
    running: Vec<(usize, u64)>,
    published: usize,
    ended: usize,
    /// Joint runs that were full, and that were not.
    full: usize,
    partial: usize,
}

impl Slotted {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let set = |rng: &mut fastrand::Rng| Set {
            most: rng.usize(1..=12),
            linger: rng.u64(0..=60),
            came: Vec::new(),
        };
        let sets = (0..rng.usize(1..=3)).map(|_| set(&mut rng)).collect();
        let (slots, begun) = (rng.usize(1..=20), Instant::now());
        Slotted {
            rng,
            begun,
            ms: 0,
            slots,
            sets,
            line: Vec::new(),
            running: Vec::new(),
            published: 0,
            ended: 0,
            full: 0,
            partial: 0,
        }
    }

    fn gathered(&self) -> usize {
        self.sets.iter().map(|set| set.came.len()).sum()
    }

    fn free(&self) -> usize {
        self.slots - self.gathered() - self.running.iter().map(|run| run.0).sum::<usize>()
    }

    fn publish(&mut self) {
        for _ in 0..self.rng.usize(0..=3) {
            self.line.push(self.rng.usize(0..=self.sets.len()));
            self.published += 1;
        }
    }

    /// As the dispatch loop does: a slot for each job in its order, and a look after each.
    fn dispatch(&mut self) {
        self.begin_due();
        while self.free() > 0 && !self.line.is_empty() {
            let of = self.line.remove(0);
            match self.sets.get_mut(of) {
                Some(set) => set.came.push(self.ms),
                None => self.run(1),
            }
            self.begin_due();
        }
    }

    fn run(&mut self, jobs: usize) {
        self.running.push((jobs, self.ms + self.rng.u64(1..=40)));
    }

    fn begin_due(&mut self) {
        let slots = Slots { all: self.slots, gathered: self.gathered() };
        let time = |ms| self.begun + Duration::from_millis(ms);
        let mut due = Vec::new();
        for set in &mut self.sets {
            let Some(first) = set.came.first() else { continue };
            let gathered = Gathered { jobs: set.came.len(), most: set.most, until: time(first + set.linger) };
            if gather::next(gathered, slots, time(self.ms)) == Step::Run {
                let waited = self.ms - first;
                assert!(waited <= set.linger, "a job waited {waited} ms, its linger is {}", set.linger);
                due.push((std::mem::take(&mut set.came).len(), set.most));
            }
        }
        for (jobs, most) in due {
            assert!(jobs <= most && jobs <= self.slots);
            *(if jobs == most { &mut self.full } else { &mut self.partial }) += 1;
            self.run(jobs);
        }
    }

    fn end(&mut self) {
        let over: Vec<_> = self.running.extract_if(.., |run| run.1 <= self.ms).collect();
        self.ended += over.iter().map(|run| run.0).sum::<usize>();
    }

    /// No job waits without a reason.
    fn check(&self) {
        assert!(self.line.is_empty() || self.free() == 0, "a slot is free and a job waits for one");
        let is_stuck = self.running.is_empty() && self.free() == 0;
        assert!(!is_stuck, "gathered jobs hold every slot, and none of them runs");
        for set in &self.sets {
            assert!(set.came.len() < set.most, "a full set waits");
        }
    }
}

#[test]
fn no_gathered_job_waits_longer_than_its_linger_or_without_a_reason() {
    let (mut full, mut partial) = (0, 0);
    let schedules = number("PGJOBS_SCHEDULES").unwrap_or(300);
    for seed in number("PGJOBS_SEED").map_or(0..schedules, |seed| seed..seed + 1) {
        let mut world = Slotted::new(seed);
        while world.ms < 2_000 || world.ended < world.published {
            world.ms += 1;
            assert!(world.ms < 200_000, "seed {seed}: jobs wait for ever");
            world.end();
            if world.ms < 1_000 {
                world.publish();
            }
            world.dispatch();
            world.check();
        }
        full += world.full;
        partial += world.partial;
    }
    assert!(full > 0 && partial > 0, "{full} full joint runs and {partial} others show little");
}
