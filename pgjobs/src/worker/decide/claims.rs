//! What the claim loop does next.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::pace::{Load, Pace};
use crate::sql::claim::ran_dry;

/// How things stand when the claim loop asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) load: Load,
    /// The worker ends.
    pub(crate) draining: bool,
    /// The database has declared this worker dead.
    pub(crate) lost: bool,
    /// The database may have runs of this worker that it does not hold.
    pub(crate) in_doubt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Claims so many; `sleeps` says that it is going to sleep if it gets fewer.
    Claim {
        room: usize,
        sleeps: bool,
    },
    /// There is no room: nothing to do until a run ends.
    AwaitRoom,
    /// Looks again after this pause, or when woken.
    Rest(Duration),
    /// Gives back what a claim may have taken whose answer never came.
    GiveBack(Unanswered),
    /// Gives back what the database has of this worker and it does not hold.
    Compare,
    /// Forgets what it holds and goes on under a new name.
    RegisterAnew,
    /// Nothing is left to do for a worker that was to end then.
    EndBurst,
    Stop,
}

/// A claim, by worker and lease, of which it is unknown whether it took jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unanswered {
    pub(crate) worker: Uuid,
    pub(crate) lease: Uuid,
}

pub(crate) struct Claims {
    pace: Pace,
    /// Whether it can be woken; otherwise it only polls.
    listens: bool,
    /// Ends when nothing is left.
    burst: bool,
    /// The last claim got less than it asked for: the next may have to sleep.
    dry: bool,
    /// What follows the last claim.
    then: Option<Step>,
    /// Nothing was open when the last claim was decided on.
    was_idle: bool,
    unanswered: Vec<Unanswered>,
}

impl Claims {
    pub(crate) fn new(pace: Pace, listens: bool, burst: bool) -> Self {
        Claims { pace, listens, burst, dry: false, then: None, was_idle: false, unanswered: Vec::new() }
    }

    pub(crate) fn next(&mut self, view: View, now: Instant) -> Step {
        if view.draining {
            // What comes back now, nobody has to wait for; each claim is tried once.
            return self.unanswered.pop().map_or(Step::Stop, Step::GiveBack);
        }
        if view.lost {
            return Step::RegisterAnew;
        }
        if view.in_doubt {
            return Step::Compare;
        }
        // While this worker lives, nobody else would get those jobs before they expire.
        if let Some(unanswered) = self.unanswered.last() {
            return Step::GiveBack(*unanswered);
        }
        if let Some(step) = self.then.take() {
            return step;
        }
        match self.pace.want(view.load, now) {
            0 => Step::AwaitRoom,
            room => {
                // Before the look: a verdict that arrives after it may have brought new work with it.
                self.was_idle = view.load.open == 0;
                Step::Claim { room, sleeps: self.sleeps() }
            }
        }
    }

    /// A worker that has all it can do is not going to sleep, so publishers need not wake it.
    fn sleeps(&self) -> bool {
        self.listens && self.dry
    }

    /// A claim for `room` jobs has brought `got`.
    pub(crate) fn claimed(&mut self, room: usize, got: usize) {
        let said_it_sleeps = self.sleeps();
        self.dry = ran_dry(room, got);
        self.then = match self.pace.rest(got, said_it_sleeps && self.dry) {
            Some(_) if self.burst && self.was_idle && got == 0 => Some(Step::EndBurst),
            pause => pause.map(Step::Rest),
        };
    }

    /// A claim was sent and no answer came.
    pub(crate) fn unanswered(&mut self, claim: Unanswered) {
        self.unanswered.push(claim);
    }

    pub(crate) fn gave_back(&mut self, claim: Unanswered) {
        self.unanswered.retain(|one| *one != claim);
    }
}
