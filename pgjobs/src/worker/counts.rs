//! Counts what a worker has done, and how many jobs it has now.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use serde::Serialize;

use super::policy::prefetch::Load;
use crate::db::settle::Outcome;

/// A claimed job is *open* until the database has its outcome (or the worker forgot it). Meanwhile it first
/// *waits* for a slot and then *runs*; after that it is only open. `InFlight` keeps it until its outcome is
/// reported.
#[derive(Default)]
pub(super) struct Counts {
    open: AtomicUsize,
    /// Waiting jobs, in the upper half, and running jobs. They are one number, so that a job that starts is
    /// never missing from both: a claim at that moment would take one job more than there are slots for, and
    /// that job would wait for as long as the others run.
    waiting_and_running: AtomicU64,
    finished: AtomicU64,
    outcomes: Tally,
    /// Those of `outcomes` that the database has not answered.
    unanswered: Tally,
    lost: AtomicU64,
    unsettled: AtomicU64,
    end: AtomicU8,
}

/// Outcomes by what they are in the report.
#[derive(Default)]
struct Tally {
    succeeded: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    snoozed: AtomicU64,
    released: AtomicU64,
}

impl Tally {
    fn of(&self, outcome: &Outcome, is_last: bool) -> &AtomicU64 {
        match outcome {
            Outcome::Success(_) | Outcome::Verify => &self.succeeded,
            Outcome::Fail(_) => &self.failed,
            Outcome::Retry(..) if is_last => &self.failed,
            Outcome::Retry(..) => &self.retried,
            Outcome::Snooze(_) => &self.snoozed,
            Outcome::Release | Outcome::ReleaseUnknown => &self.released,
        }
    }

    fn all(&self) -> [&AtomicU64; 5] {
        [&self.succeeded, &self.failed, &self.retried, &self.snoozed, &self.released]
    }
}

/// One waiting job in `waiting_and_running`.
const WAITING: u64 = 1 << 32;

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// As it was asked to; or it still works.
    #[default]
    Orderly,
    /// A burst that could not find out whether a job is left, since one of its claims was still running on
    /// the server, or one of several servers was away; or a worker that could not report to the database how runs ended, see
    /// [`WorkerReport::unsettled`].
    Unfinished,
    /// A loop of the worker panicked, or its runtime was dropped. The log shows which; the database requeues
    /// its jobs like those of a worker that died.
    Broken,
}

/// What a worker did between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Runs that ended with a result.
    pub succeeded: u64,
    /// Jobs that ended as failed: the task asked for it, or this was the last of their runs.
    pub failed: u64,
    /// Runs that ended in an error and count as attempts, and whose jobs run again.
    pub retried: u64,
    /// Runs that asked to be run again later.
    pub snoozed: u64,
    /// Jobs released unfinished; their runs do not count as attempts.
    pub released: u64,
    /// Runs whose outcome the database rejected because they no longer count: their job was cancelled, or
    /// given to another worker. They are not part of the other counts.
    pub lost: u64,
    /// Runs that ended here, but whose outcome did not reach the database: their jobs run again when their
    /// lease ends. They are not part of the other counts.
    pub unsettled: u64,
    /// How it ended; anything but [`End::Orderly`] is not what it was asked to do.
    pub end: End,
}

impl WorkerReport {
    /// Both together; of two ends the worse one.
    pub(super) fn and(self, other: WorkerReport) -> WorkerReport {
        WorkerReport {
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            retried: self.retried + other.retried,
            snoozed: self.snoozed + other.snoozed,
            released: self.released + other.released,
            lost: self.lost + other.lost,
            unsettled: self.unsettled + other.unsettled,
            end: self.end.max(other.end),
        }
    }
}

impl Counts {
    pub(super) fn load(&self) -> Load {
        let both = self.waiting_and_running.load(Relaxed);
        let jobs = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Load {
            open: self.open.load(SeqCst),
            waiting: jobs(both / WAITING),
            running: jobs(both % WAITING),
            finished: self.finished.load(Relaxed),
        }
    }

    /// Jobs whose outcome the database does not have yet.
    pub(super) fn open(&self) -> usize {
        self.open.load(SeqCst)
    }

    /// Adds outcomes of runs that were never started here.
    pub(super) fn opened(&self, jobs: usize) {
        self.open.fetch_add(jobs, SeqCst);
    }

    pub(super) fn claimed(&self, jobs: usize) {
        self.open.fetch_add(jobs, SeqCst);
        self.waiting_and_running.fetch_add(jobs as u64 * WAITING, Relaxed);
    }

    /// A waiting job is not run.
    pub(super) fn passed_over(&self) {
        self.waiting_and_running.fetch_sub(WAITING, Relaxed);
    }

    /// A waiting job starts.
    pub(super) fn started(&self) {
        self.waiting_and_running.fetch_sub(WAITING - 1, Relaxed);
    }

    pub(super) fn ended(&self) {
        self.waiting_and_running.fetch_sub(1, Relaxed);
        self.finished.fetch_add(1, Relaxed);
    }

    pub(super) fn settled(&self, jobs: usize) {
        self.open.fetch_sub(jobs, SeqCst);
    }

    /// The worker forgot these jobs: other workers have them.
    pub(super) fn forgot(&self, jobs: usize) {
        self.open.fetch_sub(jobs, SeqCst);
        self.lost.fetch_add(jobs as u64, Relaxed);
    }

    /// The database answered this outcome: it has it, or rejected it.
    pub(super) fn answered(&self, outcome: &Outcome, is_last: bool) {
        if !matches!(outcome, Outcome::ReleaseUnknown) {
            self.unanswered.of(outcome, is_last).fetch_sub(1, Relaxed);
        }
    }

    /// The database rejected this outcome because the run no longer counts.
    pub(super) fn refused(&self, outcome: &Outcome, is_last: bool) {
        self.outcomes.of(outcome, is_last).fetch_sub(1, Relaxed);
        self.lost.fetch_add(1, Relaxed);
    }

    /// In the database the run ended otherwise than its outcome says.
    pub(super) fn became(&self, outcome: &Outcome, became: &Outcome, is_last: bool) {
        self.outcomes.of(outcome, is_last).fetch_sub(1, Relaxed);
        self.outcomes.of(became, is_last).fetch_add(1, Relaxed);
    }

    /// This outcome did not reach the database, and will not.
    pub(super) fn unsettled(&self, outcome: &Outcome, is_last: bool) {
        if matches!(outcome, Outcome::ReleaseUnknown) {
            return; // not a run of this worker, and never counted
        }
        self.answered(outcome, is_last);
        self.outcomes.of(outcome, is_last).fetch_sub(1, Relaxed);
        self.unsettled.fetch_add(1, Relaxed);
        self.ends(End::Unfinished);
    }

    /// The same for all outcomes that the database has not answered; returns how many.
    pub(super) fn unsettled_all(&self) -> u64 {
        let mut all = 0;
        for (unanswered, outcomes) in self.unanswered.all().into_iter().zip(self.outcomes.all()) {
            let jobs = unanswered.swap(0, Relaxed);
            outcomes.fetch_sub(jobs, Relaxed);
            all += jobs;
        }
        self.unsettled.fetch_add(all, Relaxed);
        self.ends(End::Unfinished);
        all
    }

    /// Something other than a request to stop ended the worker; the worst reason counts.
    pub(super) fn ends(&self, end: End) {
        self.end.fetch_max(end as u8, SeqCst);
    }

    /// A run got this outcome; `is_last`: whether it was the last run of its job.
    pub(super) fn outcome(&self, outcome: &Outcome, is_last: bool) {
        for tally in [&self.outcomes, &self.unanswered] {
            tally.of(outcome, is_last).fetch_add(1, Relaxed);
        }
    }

    /// A job that could not be claimed ended as failed.
    pub(super) fn failed_unclaimed(&self) {
        self.outcomes.failed.fetch_add(1, Relaxed);
    }

    /// The database refused an outcome for good, and another one replaces it.
    pub(super) fn replaced(&self, before: &Outcome, after: &Outcome, is_last: bool) {
        for tally in [&self.outcomes, &self.unanswered] {
            tally.of(before, is_last).fetch_sub(1, Relaxed);
            tally.of(after, is_last).fetch_add(1, Relaxed);
        }
    }

    pub(super) fn report(&self) -> WorkerReport {
        WorkerReport {
            succeeded: self.outcomes.succeeded.load(Relaxed),
            failed: self.outcomes.failed.load(Relaxed),
            retried: self.outcomes.retried.load(Relaxed),
            snoozed: self.outcomes.snoozed.load(Relaxed),
            released: self.outcomes.released.load(Relaxed),
            lost: self.lost.load(Relaxed),
            unsettled: self.unsettled.load(Relaxed),
            end: match self.end.load(SeqCst) {
                0 => End::Orderly,
                1 => End::Unfinished,
                _ => End::Broken,
            },
        }
    }
}

#[cfg(test)]
mod tests;
