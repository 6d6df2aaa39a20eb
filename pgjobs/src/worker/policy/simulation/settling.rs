//! The settle loop in a schedule.

use super::database::Run;
use super::world::{Call, World, ms};
use crate::worker::policy::settle_batching::{Flush, Step};

#[derive(Default)]
pub(super) struct Settling {
    flush: Flush,
    batch: Vec<(Run, bool)>,
    /// How many of the batch have been sent before.
    again: usize,
    doing: Sending,
    /// Milliseconds spent on gathering this batch.
    gathered: u64,
    answered: u64,
}

#[derive(Default)]
enum Sending {
    #[default]
    Receiving,
    Gathering {
        until: u64,
    },
    Calling {
        began: u64,
        ends: u64,
    },
    BackingOff {
        until: u64,
    },
    Ended,
}

impl Settling {
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.doing, Sending::Ended)
    }

    pub(super) fn step(&mut self, world: &mut World) {
        match self.doing {
            Sending::Receiving if !world.outcomes.is_empty() => self.decide(world),
            Sending::Receiving if world.closing => self.doing = Sending::Ended,
            Sending::Gathering { until } if until <= world.ms => self.decide(world),
            Sending::BackingOff { until } if until <= world.ms => self.send(world),
            Sending::Calling { began, ends } if ends <= world.ms => {
                let call = world.call(began);
                self.hear(world, call);
            }
            _ => {}
        }
        world.sending = self.batch.len();
    }

    fn decide(&mut self, world: &mut World) {
        let room = 1000 - self.batch.len();
        self.batch.extend(world.outcomes.drain(..room.min(world.outcomes.len())));
        match self.flush.next(self.batch.len(), self.again, world.line.len()) {
            Step::Gather(pause) => {
                self.gathered += ms(pause);
                assert!(self.gathered <= 10 || self.again > 0, "outcomes wait for {} ms", self.gathered);
                world.seen.gathered += 1;
                self.doing = Sending::Gathering { until: world.ms + ms(pause) };
            }
            Step::Send => self.send(world),
        }
    }

    fn send(&mut self, world: &mut World) {
        let since = world.ms - self.answered;
        assert!(self.again == 0 || since >= 50, "it says again after {since} ms what was held by others");
        self.gathered = 0;
        self.doing = Sending::Calling { began: world.ms, ends: world.ms + world.rng.u64(1..5) };
    }

    fn hear(&mut self, world: &mut World, call: Call) {
        if matches!(call, Call::Answered | Call::Unconfirmed { done: true }) {
            for (run, ends) in &self.batch {
                world.database.settle(*run, *ends);
            }
        }
        if call == Call::Answered {
            self.answered = world.ms;
            // Other transactions have locked some jobs: sending their outcomes again changes nothing, as in
            // the real database.
            self.again = if self.batch.len() > 3 && world.rng.u8(..) < 10 { 2 } else { 0 };
            self.batch.truncate(self.again);
            world.seen.said_again += self.again;
        }
        self.doing = if self.batch.is_empty() {
            Sending::Receiving
        } else if self.flush.is_too_late(world.closing, world.now()) {
            self.batch.clear();
            world.outcomes.clear();
            Sending::Ended
        } else if call == Call::Answered {
            return self.decide(world);
        } else {
            Sending::BackingOff { until: world.ms + world.rng.u64(50..500) }
        };
    }
}
