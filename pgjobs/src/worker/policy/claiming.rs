//! What the claim loop does next.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::prefetch::{Load, Pace, Want};
use crate::db::claim::ran_dry;
use crate::db::session::Session;

/// How things stand when the claim loop asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) load: Load,
    /// The worker ends.
    pub(crate) draining: bool,
    /// The database has declared this worker dead.
    pub(crate) lost: bool,
    /// The database may have runs of this worker that it does not hold.
    pub(crate) needs_reconcile: bool,
    /// Nothing that it would start would run: see [`pulse`](super::runtime_pulse).
    pub(crate) stuck: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Claims so many; `sleeps` says that it is going to sleep if it gets fewer.
    Claim {
        want: Want,
        sleeps: bool,
        /// The jobs are to be fetched in a second step, whatever they weigh: an answer was refused for its content.
        apart: bool,
    },
    /// Ends the job at the head of the line as failed: not even alone can it be claimed.
    FailNext,
    /// Puts in line what is due and brings back what has lapsed.
    Tend,
    /// There is no room: nothing to do until a run ends.
    AwaitRoom,
    /// Looks again after this pause, or when woken.
    Rest(Duration),
    /// Gives back what a claim may have taken whose answer never came.
    ReleaseClaim(Unconfirmed),
    /// Gives back what the database has of this worker and it does not hold.
    Reconcile,
    /// Forgets what it holds and goes on under a new name.
    Reregister,
    /// Asks whether this session has ended: a claim that goes on there holds jobs, and every look passes them over.
    SeeOff(Session),
    /// Nothing is left to do for a worker that was to end then, or `sure` says that this cannot be known.
    EndBurst {
        sure: bool,
    },
    Stop,
}

/// A claim, by worker and lease, of which it is unknown whether it took jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unconfirmed {
    pub(crate) worker: Uuid,
    pub(crate) lease: Uuid,
    /// Where it may still be under way; none when it is known to have ended.
    pub(crate) session: Option<Session>,
}

/// So long a burst waits for a claim of its own that goes on after it was given back, before it ends without knowing
/// what that holds: in so many of the times that a claim may take.
pub(crate) const PATIENCE: u32 = 3;

/// Why a claim was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It took too long.
    Slow,
    /// For what its jobs hold.
    Content,
    /// The server has no memory for it, which may pass.
    Memory,
}

/// Between two looks whether a session has ended.
const LOOK: Duration = Duration::from_millis(200);

impl Refusal {
    /// So often a single job is refused before it is taken to be the reason.
    fn patience(self) -> Option<u32> {
        match self {
            Refusal::Slow => None,
            Refusal::Content => Some(2),
            Refusal::Memory => Some(10),
        }
    }
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
    unconfirmed: Vec<Unconfirmed>,
    /// Sessions where a claim that was given back may go on, and since when: of a burst, which must not end before.
    under_way: Vec<(Session, Instant)>,
    /// How long it waits for them.
    patience: Duration,
    /// Since then a claim cannot be given back, because the database refuses it.
    kept_since: Option<Instant>,
    /// One was given up that had taken jobs, for all that is known: they are this worker's until it leaves.
    gave_up: bool,
    /// A burst has tended, and found nothing to claim since.
    has_tended: bool,
    /// How often a claim for a single job was refused, one after another.
    refusals: u32,
    /// How often a single job did not arrive in time though its claim was answered, one after another.
    too_heavy: u32,
    /// A claim was refused for its content, and not as many were claimed since.
    apart: bool,
}

impl Claims {
    pub(crate) fn new(pace: Pace, listens: bool, burst: bool, patience: Duration) -> Self {
        Claims {
            pace,
            listens,
            burst,
            dry: false,
            // What has been due for long, or was lost with a worker, is nobody's to claim before this.
            then: burst.then_some(Step::Tend),
            was_idle: false,
            unconfirmed: Vec::new(),
            under_way: Vec::new(),
            patience,
            kept_since: None,
            gave_up: false,
            has_tended: false,
            refusals: 0,
            too_heavy: 0,
            apart: false,
        }
    }

    pub(crate) fn next(&mut self, view: View, now: Instant) -> Step {
        if view.draining {
            // What comes back now, nobody has to wait for; each claim is tried once.
            return self.unconfirmed.pop().map_or(Step::Stop, Step::ReleaseClaim);
        }
        if view.lost {
            return Step::Reregister;
        }
        if view.needs_reconcile {
            return Step::Reconcile;
        }
        // While this worker lives, nobody else would get those jobs before they expire.
        if let Some(unconfirmed) = self.unconfirmed.last() {
            return Step::ReleaseClaim(*unconfirmed);
        }
        if view.stuck {
            return Step::AwaitRoom;
        }
        match self.then.take() {
            Some(Step::EndBurst { sure: true }) => return self.end_burst(),
            Some(step) => return step,
            None => {}
        }
        match self.pace.want(view.load, now) {
            Want { jobs: 0, .. } => Step::AwaitRoom,
            want => {
                // Before the look: an outcome that arrives after it may have brought new work with it.
                self.was_idle = view.load.open == 0;
                Step::Claim { want, sleeps: self.sleeps(), apart: self.apart }
            }
        }
    }

    /// Nothing was found: the end, if nothing can be hidden.
    fn end_burst(&self) -> Step {
        match self.under_way.first() {
            None => Step::EndBurst { sure: !self.gave_up },
            Some((session, _)) => Step::SeeOff(*session),
        }
    }

    /// A worker that has all it can do is not going to sleep, so publishers need not wake it.
    fn sleeps(&self) -> bool {
        self.listens && self.dry
    }

    /// A claim for `room` jobs has brought `got`, after this time; `more` says that it left some for their size.
    pub(crate) fn claimed(&mut self, room: usize, got: usize, more: bool, took: Duration) {
        self.pace.answered(took);
        (self.refusals, self.too_heavy) = (0, 0);
        self.apart &= !self.pace.is_unlimited();
        let said_it_sleeps = self.sleeps();
        self.dry = !more && ran_dry(room, got);
        self.has_tended &= got == 0;
        self.then = match self.pace.rest(got, said_it_sleeps && self.dry) {
            Some(_) if self.burst && self.was_idle && got == 0 => {
                Some(if self.has_tended { Step::EndBurst { sure: true } } else { Step::Tend })
            }
            pause => pause.map(Step::Rest),
        };
    }

    /// A claim for so many was refused. One job that cannot be claimed must not stop those behind it: fewer are
    /// claimed, and what cannot even be claimed alone fails.
    pub(crate) fn refused(&mut self, room: usize, refusal: Refusal) {
        self.pace.was_too_much(room);
        // In two steps it shows whether it is the jobs that take so long.
        self.apart |= refusal != Refusal::Slow || room == 1;
        let Some(patience) = refusal.patience().filter(|_| room == 1) else { return };
        self.refusals += 1;
        if self.refusals >= patience {
            self.refusals = 0;
            self.then = Some(Step::FailNext);
        }
    }

    /// A claim for so many was answered, and its jobs did not arrive in time: whether the job is the reason, and not the
    /// way, because it comes alone and this is not the first time.
    pub(crate) fn is_too_heavy(&mut self, room: usize) -> bool {
        self.too_heavy = if room == 1 { self.too_heavy + 1 } else { 0 };
        self.too_heavy > 1
    }

    pub(crate) fn tended(&mut self) {
        self.has_tended = true;
    }

    /// The step was not done: it comes again.
    pub(crate) fn failed(&mut self, step: Step) {
        if matches!(step, Step::Tend | Step::FailNext) {
            self.then = Some(step);
        }
    }

    /// A claim was sent and no answer came.
    pub(crate) fn unconfirmed(&mut self, claim: Unconfirmed) {
        self.unconfirmed.push(claim);
    }

    pub(crate) fn released_claim(&mut self, claim: Unconfirmed, now: Instant) {
        self.kept_since = None;
        self.forget(claim, now);
    }

    /// The database refuses to take a claim back: what holds it up may never end. A burst does not wait for ever.
    pub(crate) fn kept(&mut self, claim: Unconfirmed, now: Instant) {
        let since = *self.kept_since.get_or_insert(now);
        if self.burst && now.duration_since(since) >= self.patience {
            self.gave_up |= claim.session.is_none();
            self.forget(claim, since);
        }
    }

    fn forget(&mut self, claim: Unconfirmed, since: Instant) {
        self.unconfirmed.retain(|one| *one != claim);
        if self.burst {
            self.under_way.extend(claim.session.map(|session| (session, since)));
        }
    }

    /// A session in which a claim may be under way was asked after.
    pub(crate) fn saw_off(&mut self, session: Session, has_ended: bool, now: Instant) {
        let waits = |(_, since): &(Session, Instant)| now.duration_since(*since) < self.patience;
        if has_ended {
            self.under_way.retain(|(one, _)| *one != session);
        } else if self.under_way.iter().any(waits) {
            self.then = Some(Step::Rest(LOOK));
        } else {
            self.then = Some(Step::EndBurst { sure: false });
        }
    }

    /// Where a claim may be under way whose end was not seen.
    pub(crate) fn under_way(&self) -> Vec<i32> {
        self.under_way.iter().map(|(session, _)| session.pid).collect()
    }
}

#[cfg(test)]
mod tests;
