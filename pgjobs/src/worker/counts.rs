//! What a worker has done, and what it holds.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use serde::Serialize;

use super::decide::pace::Load;
use crate::sql::settle::Verdict;

/// A claimed job is *open* until the database has its verdict (or it was forgotten). On its way it
/// *waits* in line and then *runs*; after that it is open only. `Held` holds it until its verdict is given.
#[derive(Default)]
pub(super) struct Counts {
    open: AtomicUsize,
    waiting: AtomicUsize,
    running: AtomicUsize,
    finished: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    snoozed: AtomicU64,
    released: AtomicU64,
    lost: AtomicU64,
}

/// What a worker did between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Runs that ended with a result.
    pub succeeded: u64,
    /// Jobs that ended as failed: by the task's own word, or because this was the last of their runs.
    pub failed: u64,
    /// Runs that ended in an error, charged, whose jobs run again.
    pub retried: u64,
    /// Runs that asked to be run again later.
    pub snoozed: u64,
    /// Jobs handed back unfinished, uncharged.
    pub released: u64,
    /// Verdicts that the database refused because the lease was lost.
    pub lost: u64,
}

impl Counts {
    pub(super) fn load(&self) -> Load {
        Load {
            open: self.open.load(SeqCst),
            waiting: self.waiting.load(Relaxed),
            running: self.running.load(Relaxed),
            finished: self.finished.load(Relaxed),
        }
    }

    /// Jobs whose verdict the database does not have yet.
    pub(super) fn open(&self) -> usize {
        self.open.load(SeqCst)
    }

    /// Verdicts on runs that were never started here.
    pub(super) fn opened(&self, jobs: usize) {
        self.open.fetch_add(jobs, SeqCst);
    }

    pub(super) fn claimed(&self, jobs: usize) {
        self.open.fetch_add(jobs, SeqCst);
        self.waiting.fetch_add(jobs, Relaxed);
    }

    pub(super) fn left_line(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    pub(super) fn started(&self) {
        self.running.fetch_add(1, Relaxed);
    }

    pub(super) fn ended(&self) {
        self.running.fetch_sub(1, Relaxed);
        self.finished.fetch_add(1, Relaxed);
    }

    pub(super) fn settled(&self, jobs: usize, lost: usize) {
        self.open.fetch_sub(jobs, SeqCst);
        self.lost.fetch_add(lost as u64, Relaxed);
    }

    /// A verdict was given on a run, the last one of its job or not.
    pub(super) fn verdict(&self, verdict: &Verdict, is_last: bool) {
        self.count(verdict, is_last).fetch_add(1, Relaxed);
    }

    /// A job ended as failed that could not be claimed.
    pub(super) fn failed_unclaimed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// The database refused a verdict for good, and another takes its place.
    pub(super) fn replaced(&self, before: &Verdict, after: &Verdict) {
        self.count(before, false).fetch_sub(1, Relaxed);
        self.count(after, false).fetch_add(1, Relaxed);
    }

    fn count(&self, verdict: &Verdict, is_last: bool) -> &AtomicU64 {
        match verdict {
            Verdict::Success(_) | Verdict::Verify(_) => &self.succeeded,
            Verdict::Fail(_) => &self.failed,
            Verdict::Retry(..) if is_last => &self.failed,
            Verdict::Retry(..) => &self.retried,
            Verdict::Snooze(_) => &self.snoozed,
            Verdict::Release | Verdict::Disown => &self.released,
        }
    }

    pub(super) fn report(&self) -> Report {
        Report {
            succeeded: self.succeeded.load(Relaxed),
            failed: self.failed.load(Relaxed),
            retried: self.retried.load(Relaxed),
            snoozed: self.snoozed.load(Relaxed),
            released: self.released.load(Relaxed),
            lost: self.lost.load(Relaxed),
        }
    }
}
