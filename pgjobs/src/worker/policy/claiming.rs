//! Decides what the claim loop does next.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::prefetch::{Load, Pace, Want};
use crate::db::claim::ran_dry;
use crate::db::session::Session;
pub(crate) use refusal::Refusal;

/// The state of the worker when the claim loop asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) load: Load,
    /// The worker is shutting down.
    pub(crate) draining: bool,
    /// The database has declared this worker dead.
    pub(crate) lost: bool,
    /// The database may have runs of this worker that the worker does not have.
    pub(crate) needs_reconcile: bool,
    /// Nothing that the worker starts would run: see [`pulse`](super::runtime_pulse).
    pub(crate) stuck: bool,
    /// A command says that it claims nothing.
    pub(crate) paused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Claims `want` jobs; `sleeps`: the worker will sleep if it gets fewer.
    Claim {
        want: Want,
        sleeps: bool,
        /// The jobs are fetched in a second call, whatever their size: an earlier claim was refused.
        apart: bool,
    },
    /// Ends the job at the head of the queue as failed: it cannot be claimed even alone.
    FailNext,
    /// Promotes and sweeps.
    Maintain,
    /// There is no room: waits until a run ends.
    AwaitRoom,
    /// Claims again after this pause, or when woken up.
    Rest(Duration),
    /// Releases what an unconfirmed claim may have taken.
    ReleaseClaim(Unconfirmed),
    /// Releases the runs of this worker that the database has and the worker does not.
    Reconcile,
    /// Forgets all jobs and registers under a new id.
    Reregister,
    /// Checks whether this session has ended: a claim that still runs there has locked jobs, and every other
    /// claim skips them.
    SeeOff(Session),
    /// Ends a burst, because no job is left; if not `sure`, because this cannot be known.
    EndBurst {
        sure: bool,
    },
    Stop,
}

/// An unconfirmed claim, by worker and lease: it is unknown whether it took jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unconfirmed {
    pub(crate) worker: Uuid,
    pub(crate) lease: Uuid,
    /// The session in which it may still run; `None` when it is known to have ended.
    pub(crate) session: Option<Session>,
}

/// How long a burst waits for one of its claims that still runs after it was released, before the burst ends
/// without knowing what that claim took: as a multiple of the time that a claim may take.
pub(crate) const PATIENCE: u32 = 3;

/// The time between two checks whether a session has ended.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) struct Claims {
    pace: Pace,
    /// Whether notifications can wake it up; otherwise it only polls.
    listens: bool,
    /// Ends when no job is left.
    burst: bool,
    /// The last claim got less than it asked for: the next may have to sleep.
    dry: bool,
    /// The step that follows the last claim.
    then: Option<Step>,
    /// How long it has waited for limits since it got a job.
    waited: Duration,
    /// No job was open when the last claim was decided on.
    was_idle: bool,
    unconfirmed: Vec<Unconfirmed>,
    /// Sessions in which a released claim may still run, and since when. Only in a burst, which must not end
    /// before them.
    under_way: Vec<(Session, Instant)>,
    /// How long a burst waits for them.
    patience: Duration,
    /// Since when a claim cannot be released, because the database refuses it.
    kept_since: Option<Instant>,
    /// The burst gave up releasing a claim that had probably taken jobs: they stay this worker's until it
    /// leaves.
    gave_up: bool,
    /// A burst has promoted and swept, and claimed no job since.
    has_maintained: bool,
    /// How often in a row a claim for a single job was refused.
    refusals: u32,
    /// How often in a row a single job did not arrive in time although its claim was answered.
    too_heavy: u32,
    /// A claim was refused, and the number of jobs per claim has not yet grown back.
    apart: bool,
}

impl Claims {
    pub(crate) fn new(pace: Pace, listens: bool, burst: bool, patience: Duration) -> Self {
        Claims {
            pace,
            listens,
            burst,
            dry: false,
            // Before this, nobody can claim what has long been due, or was lost with a worker.
            then: burst.then_some(Step::Maintain),
            waited: Duration::ZERO,
            was_idle: false,
            unconfirmed: Vec::new(),
            under_way: Vec::new(),
            patience,
            kept_since: None,
            gave_up: false,
            has_maintained: false,
            refusals: 0,
            too_heavy: 0,
            apart: false,
        }
    }

    /// The worker may run this many jobs at once from now on.
    pub(crate) fn set_slots(&mut self, slots: usize) {
        self.pace.slots = slots;
    }

    pub(crate) fn next(&mut self, view: View, now: Instant) -> Step {
        if view.draining {
            // What is released now runs elsewhere without waiting for the lease; each claim is tried once.
            return self.unconfirmed.pop().map_or(Step::Stop, Step::ReleaseClaim);
        }
        if view.lost {
            return Step::Reregister;
        }
        if view.needs_reconcile {
            return Step::Reconcile;
        }
        // While this worker lives, no other worker gets those jobs before they expire.
        if let Some(unconfirmed) = self.unconfirmed.last() {
            return Step::ReleaseClaim(*unconfirmed);
        }
        if view.stuck || view.paused {
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
                // Recorded before the claim: a run that ends later may have published jobs that the claim
                // does not see.
                self.was_idle = view.load.open == 0;
                Step::Claim { want, sleeps: self.sleeps(), apart: self.apart }
            }
        }
    }

    /// The step after nothing was found: the end, if no job can be hidden.
    fn end_burst(&self) -> Step {
        match self.under_way.first() {
            None => Step::EndBurst { sure: !self.gave_up },
            Some((session, _)) => Step::SeeOff(*session),
        }
    }

    /// Whether the worker is about to sleep. One that is fully busy is not, so publishers need not wake it
    /// up.
    fn sleeps(&self) -> bool {
        self.listens && self.dry
    }

    /// A claim for `room` jobs returned `got`, after this time; `more`: it left some for their size.
    pub(crate) fn claimed(&mut self, room: usize, got: usize, more: bool, took: Duration) {
        self.pace.answered(took);
        (self.refusals, self.too_heavy) = (0, 0);
        self.apart &= !self.pace.is_unlimited();
        let said_it_sleeps = self.sleeps();
        self.dry = !more && ran_dry(room, got);
        self.has_maintained &= got == 0;
        self.then = match self.pace.rest(got, said_it_sleeps && self.dry) {
            Some(_) if self.burst && self.was_idle && got == 0 => {
                Some(if self.has_maintained { Step::EndBurst { sure: true } } else { Step::Maintain })
            }
            pause => pause.map(Step::Rest),
        };
    }

    /// A claim for `room` jobs was refused. One job that cannot be claimed must not stop those behind it: the
    /// next claim is for fewer jobs, and a job that cannot be claimed even alone fails.
    pub(crate) fn refused(&mut self, room: usize, refusal: Refusal) {
        self.pace.was_too_much(room);
        // A separate fetch shows whether the jobs are what takes so long.
        self.apart |= refusal != Refusal::Slow || room == 1;
        let Some(patience) = refusal.patience().filter(|_| room == 1) else { return };
        self.refusals += 1;
        if self.refusals >= patience {
            self.refusals = 0;
            self.then = Some(Step::FailNext);
        }
    }

    /// A claim for `room` jobs was answered, but its jobs did not arrive in time. Returns whether the job is
    /// the reason, and not the network: it was claimed alone, and this is not the first time.
    pub(crate) fn is_too_heavy(&mut self, room: usize) -> bool {
        self.too_heavy = if room == 1 { self.too_heavy + 1 } else { 0 };
        self.too_heavy > 1
    }

    /// Another server of this worker may have something due: a burst looks again after this pause.
    pub(crate) fn awaits_others(&mut self, pause: Duration) {
        self.then = Some(Step::Rest(pause));
    }

    pub(crate) fn maintained(&mut self) {
        self.has_maintained = true;
    }

    /// The step failed and has to be repeated.
    pub(crate) fn failed(&mut self, step: Step) {
        if matches!(step, Step::Maintain | Step::FailNext) {
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

    /// The database refuses to release a claim; the cause may never end, and a burst does not wait for ever.
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

    /// A session in which a claim may still run was checked.
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

    /// The pids of the sessions in which a claim may still run, because nobody saw it end.
    pub(crate) fn under_way(&self) -> Vec<i32> {
        self.under_way.iter().map(|(session, _)| session.pid).collect()
    }
}

mod limits;
mod refusal;
#[cfg(test)]
mod tests;
