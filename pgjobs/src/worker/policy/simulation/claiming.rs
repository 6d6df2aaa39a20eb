//! The claim loop in a schedule: asks for a decision, takes the time that a call takes, and reports the
//! result.

use std::time::Duration;

use uuid::Uuid;

use super::database::{Dead, Run};
use super::world::{Call, POLL, SLOTS, World, ms};
use crate::db::claim::ran_dry;
use crate::worker::policy::claiming::{Claims, Refusal, Step, Unconfirmed};
use crate::worker::policy::prefetch::Pace;

pub(super) struct Claiming {
    claims: Claims,
    doing: Doing,
    leases: u128,
    /// Unconfirmed claims, as the world knows them.
    open: Vec<Unconfirmed>,
    /// When the last claim ended, if it left only jobs for which the worker would be woken up.
    found_nothing: Option<u64>,
    was_stuck: bool,
    /// When a limit lets a job start, as the last claim was told.
    opens_at: Option<u64>,
}

enum Doing {
    Deciding,
    Calling { step: Step, lease: Uuid, began: u64, ends: u64 },
    AwaitingRoom { finished: u64, open: usize },
    Resting { until: u64 },
    BackingOff { until: u64 },
    Ended,
}

impl Claiming {
    pub(super) fn new(world: &World) -> Self {
        let pace = Pace::new(SLOTS, Duration::from_millis(POLL), world.now());
        let claims = Claims::new(pace, !world.is_burst(), world.is_burst(), Duration::from_secs(15));
        Claiming {
            claims,
            doing: Doing::Deciding,
            leases: 0,
            open: Vec::new(),
            found_nothing: None,
            was_stuck: false,
            opens_at: None,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.doing, Doing::Ended)
    }

    pub(super) fn step(&mut self, world: &mut World) {
        let called = world.draining || world.lost || world.needs_reconcile || world.stuck != self.was_stuck;
        self.was_stuck = world.stuck;
        match self.doing {
            Doing::Deciding => self.decide(world),
            Doing::Calling { step, lease, began, ends } if ends <= world.ms => {
                let call = world.call(began);
                self.doing = Doing::Deciding;
                self.hear(world, step, lease, call);
            }
            Doing::AwaitingRoom { finished, open } => {
                let load = world.load();
                if called || (load.finished, load.open) != (finished, open) {
                    self.doing = Doing::Deciding;
                }
            }
            Doing::Resting { until } if until <= world.ms => self.doing = Doing::Deciding,
            Doing::Resting { .. } if called || std::mem::take(&mut world.woken) => {
                self.found_nothing = None;
                self.doing = Doing::Deciding;
            }
            Doing::BackingOff { until } if until <= world.ms || world.draining => {
                self.doing = Doing::Deciding
            }
            _ => {}
        }
    }

    fn decide(&mut self, world: &mut World) {
        let view = world.view();
        let step = self.claims.next(view, world.now());
        self.doing = match step {
            Step::AwaitRoom => Doing::AwaitingRoom { finished: view.load.finished, open: view.load.open },
            Step::Rest(pause) => self.rest(world, ms(pause)),
            Step::EndBurst { .. } => {
                world.draining = true;
                Doing::Deciding
            }
            Step::Stop => Doing::Ended,
            Step::Claim { want, .. } => {
                let (room, ahead) = (want.jobs, want.ahead);
                assert!(ahead <= room, "{ahead} of {room} jobs are claimed ahead");
                assert!(!view.draining && !view.lost && !view.needs_reconcile, "it claims in {view:?}");
                assert!(!view.stuck, "it claims what would not run");
                assert!(self.open.is_empty(), "it claims while an unconfirmed claim may hold jobs");
                assert!((1..=2000).contains(&room), "it claims {room} jobs");
                let since = self.found_nothing.map_or(u64::MAX, |at| world.ms - at);
                assert!(since >= 50, "it looks again {since} ms after it left nothing");
                self.call(world, step)
            }
            Step::ReleaseClaim(_) | Step::Reconcile | Step::Reregister | Step::Maintain | Step::SeeOff(_) => {
                self.call(world, step)
            }
            Step::FailNext => panic!("it fails a job that nothing is wrong with"),
        };
    }

    fn rest(&mut self, world: &mut World, pause: u64) -> Doing {
        let until = world.ms + pause;
        if let Some(at) = self.opens_at {
            assert!(until <= at.max(world.ms + 10), "it sleeps until {until}, and a limit opens at {at}");
            world.seen.waited_for_limit += 1;
        }
        Doing::Resting { until }
    }

    fn call(&mut self, world: &mut World, step: Step) -> Doing {
        self.opens_at = None;
        self.leases += 1;
        world.woken = false;
        if step == Step::Reconcile {
            world.needs_reconcile = false;
        }
        if step == Step::Reregister {
            world.forget_all();
        }
        let (began, lease) = (world.ms, Uuid::from_u128(self.leases));
        Doing::Calling { step, lease, began, ends: began + world.rng.u64(1..5) }
    }

    fn hear(&mut self, world: &mut World, step: Step, lease: Uuid, call: Call) {
        let done = matches!(call, Call::Answered | Call::Unconfirmed { done: true });
        let answered = call == Call::Answered;
        match step {
            Step::Claim { want, sleeps, .. } => return self.claimed(world, want.jobs, sleeps, lease, call),
            Step::ReleaseClaim(claim) => {
                if done {
                    world.database.release_claim(claim.lease);
                    self.open.retain(|one| *one != claim);
                }
                if answered {
                    world.seen.released_claim += 1;
                    self.claims.released_claim(claim, world.now());
                }
            }
            Step::Reconcile if answered => {
                world.seen.compared += 1;
                let runs = world.database.held_by(world.identity());
                let unknown: Vec<Run> =
                    runs.into_iter().filter(|run| !world.in_flight.contains(run)).collect();
                // If a run was in flight until just now, its own outcome is sent first.
                world.outcomes.extend(unknown.into_iter().map(|run| (run, false)));
            }
            Step::Reconcile => world.needs_reconcile = true,
            Step::Maintain if answered => {
                world.seen.maintained += 1;
                self.found_nothing = None; // more jobs may be ready now
                world.database.promote();
                self.claims.maintained();
            }
            Step::Maintain => self.claims.failed(step),
            Step::Reregister if answered => {
                world.adopt_new_identity();
            }
            _ => {}
        }
        if !answered {
            self.back_off(world);
        }
    }

    fn claimed(&mut self, world: &mut World, room: usize, sleeps: bool, lease: Uuid, call: Call) {
        let worker = world.identity();
        self.found_nothing = None;
        if call == Call::Refused {
            return self.back_off(world);
        }
        if let Call::Unconfirmed { done } = call {
            if done {
                let _ = world.database.claim(worker, lease, room, world.ms);
            }
            world.seen.unconfirmed += 1;
            let claim = Unconfirmed { worker, lease, session: None };
            self.open.push(claim);
            self.claims.unconfirmed(claim);
            self.claims.refused(room, Refusal::Slow);
            return self.back_off(world);
        }
        match world.database.claim(worker, lease, room, world.ms) {
            Ok(runs) => {
                let nothing_more = runs.is_empty() || sleeps && ran_dry(room, runs.len());
                self.found_nothing = (nothing_more && !world.woken).then_some(world.ms);
                self.claims.claimed(room, runs.len(), false, Duration::from_millis(2));
                if let Some(wait) = world.database.opens_in(world.ms).filter(|_| runs.len() < room) {
                    self.found_nothing = None;
                    self.opens_at = Some(world.ms + wait);
                    self.claims.opens_in(Duration::from_millis(wait), runs.len());
                }
                world.in_flight.extend(&runs);
                world.line.extend(runs);
            }
            Err(Dead) => world.lose(),
        }
    }

    fn back_off(&mut self, world: &mut World) {
        self.doing = Doing::BackingOff { until: world.ms + world.rng.u64(50..500) };
    }
}
