//! What the claim loop of one of several servers has asked for, as the others take it into account.

use std::time::{Duration, Instant};

use super::policy::claiming::{Step, View};
use super::policy::prefetch::{Load, MOST};
use super::policy::room::Standing;

/// A claim that was not answered by then holds no room any more; nor does a loop that has not looked again.
const ANSWERS: Duration = Duration::from_secs(1);

/// What a server asks for.
#[derive(Default)]
pub(super) struct Ask {
    pub(super) wants: Wants,
    /// The last call failed.
    fails: bool,
    /// Its loops have ended, or never began.
    pub(super) has_left: bool,
    /// How many jobs it has started once all have that were claimed for free slots.
    starts: u64,
    /// How many of its claims got jobs.
    pub(super) claims: u64,
    /// The claims of all servers when the last claim began, if no job was open anywhere.
    pub(super) looked_at: Option<u64>,
    /// The same of the last claim of a burst that found nothing.
    pub(super) nothing_at: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Wants {
    /// It rests, or does something else.
    #[default]
    Nothing,
    /// It would claim, and waits for room.
    Room { since: Instant },
    /// It has asked for so many jobs, beyond what it prefetches.
    Jobs { number: usize, since: Instant },
}

impl Wants {
    /// What a server wants that takes this step, of so many jobs that it may have.
    pub(super) fn of(step: Step, view: View, offer: usize, since: Instant) -> Self {
        let would_claim = !view.stuck && !view.paused && view.load.open <= offer + 2 * MOST;
        match step {
            Step::Claim { want, .. } => Wants::Jobs { number: want.jobs - want.ahead, since },
            Step::AwaitRoom if would_claim => Wants::Room { since },
            _ => Wants::Nothing,
        }
    }

    pub(super) fn is_room(self) -> bool {
        matches!(self, Wants::Room { .. })
    }
}

impl Ask {
    /// How the others see it; `last`: the number of its last start.
    pub(super) fn standing(&self, load: Load, last: u64, now: Instant) -> Standing {
        let is_recent = |since| now.duration_since(since) < ANSWERS;
        let (asked, would_claim) = match self.wants {
            Wants::Room { since } => (0, is_recent(since)),
            Wants::Jobs { number, since } if !self.fails && is_recent(since) => (number, false),
            _ => (0, false),
        };
        let fresh = usize::try_from(self.starts.saturating_sub(started(load))).unwrap_or(usize::MAX);
        let fresh = fresh.min(load.waiting);
        let wants = if would_claim { usize::MAX } else { load.waiting - fresh };
        Standing { running: load.running, fresh, asked, wants, last }
    }

    /// A claim was answered with so many jobs, none of which has started yet.
    pub(super) fn answered(&mut self, got: usize, load: Load) {
        if let Wants::Jobs { number, .. } = self.wants {
            let starts = self.starts.max(started(load)) + number.min(got) as u64;
            self.starts = starts.min(started(load) + load.waiting as u64);
        }
        (self.wants, self.fails) = (Wants::Nothing, false);
        self.claims += u64::from(got > 0);
    }

    pub(super) fn failed(&mut self) {
        (self.wants, self.fails) = (Wants::Nothing, true);
    }
}

fn started(load: Load) -> u64 {
    load.finished + load.running as u64
}
