//! The heartbeat loop in a schedule.

use std::time::Duration;

use super::world::{Call, LEASE, World, ms};
use crate::worker::policy::heartbeats::{Asks, Beats};

pub(super) struct Keeping {
    beats: Beats,
    doing: Round,
    /// The time of the last failed call or of the end of the last suspension: what `beats` should know.
    trouble: Option<u64>,
    last_step: u64,
    last_beat: u64,
    reconnected: bool,
    /// Since when a command waits for this worker that it has heard of.
    asked: Option<u64>,
}

enum Round {
    Pausing {
        until: u64,
    },
    Beating {
        began: u64,
        ends: u64,
    },
    Sweeping {
        began: u64,
        ends: u64,
    },
    /// Instead of a sweep: due jobs do not wait until the sweeps resume.
    Promoting {
        began: u64,
        ends: u64,
    },
}

impl Keeping {
    pub(super) fn new(world: &World) -> Self {
        let beats = Beats::new(Duration::from_millis(LEASE), world.now());
        let doing = Round::Pausing { until: ms(beats.pause()) };
        Keeping { beats, doing, trouble: None, last_step: 0, last_beat: 0, reconnected: false, asked: None }
    }

    pub(super) fn step(&mut self, world: &mut World) {
        if world.ms - self.last_step > 2 * LEASE {
            self.trouble = Some(world.ms);
        }
        self.last_step = world.ms;
        self.hear_of_commands(world);
        match self.doing {
            Round::Pausing { until } if until <= world.ms => {
                if self.beats.beat_is_due(self.asks(), world.now()) {
                    self.doing = Round::Beating { began: world.ms, ends: world.ms + world.rng.u64(1..20) };
                } else {
                    self.sweep_or_pause(world);
                }
            }
            Round::Beating { began, ends } if ends <= world.ms => {
                let well = self.hear(world, began);
                self.beats.has_beaten(well, world.now());
                if well {
                    self.beat(world);
                }
                self.sweep_or_pause(world);
            }
            Round::Sweeping { began, ends } if ends <= world.ms => {
                let well = self.hear(world, began);
                self.beats.has_swept(well, world.now());
                if well {
                    world.database.promote();
                }
                self.pause(world);
            }
            Round::Promoting { began, ends } if ends <= world.ms => {
                let well = self.hear(world, began);
                self.beats.has_swept(well, world.now());
                if well {
                    world.database.promote();
                }
                self.pause(world);
            }
            _ => {}
        }
    }

    /// Sometimes a command is announced, which ends the pause.
    fn hear_of_commands(&mut self, world: &mut World) {
        if self.asked.is_none() && world.rng.u16(..) < 60 {
            self.asked = Some(world.ms);
            if let Round::Pausing { .. } = self.doing {
                self.pause(world);
            }
        }
    }

    fn asks(&self) -> Asks {
        Asks { at_once: self.asked.is_some(), ..Asks::default() }
    }

    fn hear(&mut self, world: &mut World, began: u64) -> bool {
        let well = world.call(began) == Call::Answered;
        if !well {
            self.trouble = Some(world.ms);
            self.reconnected = true;
        }
        well
    }

    fn beat(&mut self, world: &mut World) {
        let gap = world.ms - std::mem::replace(&mut self.last_beat, world.ms);
        let calm = !world.has_stood_still() && self.trouble.is_none_or(|at| world.ms - at > LEASE);
        assert!(
            !calm || gap < LEASE / 2,
            "two heartbeats are {gap} ms apart: one that fails would be too many"
        );
        if let Some(since) = self.asked.take() {
            assert!(!calm || world.ms - since < 100, "a command waited for {} ms", world.ms - since);
            world.seen.commands += 1;
        }
        if world.database.beat(world.identity(), world.ms + LEASE).is_err() {
            world.lose();
        } else if std::mem::take(&mut self.reconnected) {
            world.needs_reconcile = true;
        }
    }

    fn sweep_or_pause(&mut self, world: &mut World) {
        if !self.beats.round_is_due(world.now()) {
            return self.pause(world);
        }
        if self.beats.sweep_is_due(world.now()) {
            let since = self.trouble.map_or(u64::MAX, |at| world.ms - at);
            assert!(since > LEASE, "it declares others dead {since} ms after trouble of its own");
            self.doing = Round::Sweeping { began: world.ms, ends: world.ms + world.rng.u64(1..20) };
        } else {
            world.seen.quiet_rounds += 1;
            self.doing = Round::Promoting { began: world.ms, ends: world.ms + world.rng.u64(1..20) };
        }
    }

    fn pause(&mut self, world: &World) {
        self.doing = Round::Pausing { until: world.ms + ms(self.beats.wait(self.asks(), world.now())) };
    }
}
