//! What is committed, what open transactions have changed, and what they have locked.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::types::Uuid;

use super::job::{Job, Jobs, Micros};
use super::operation::Pick;
use super::settling::RunKey;
use super::step::Worker;

#[derive(Default)]
pub(super) struct Model {
    pub(super) now: Micros,
    /// As committed.
    pub(super) jobs: Jobs,
    /// By session, what its open transaction changed.
    pub(super) open: BTreeMap<usize, Transaction>,
    /// Which session has locked a committed job's row.
    pub(super) locked: BTreeMap<i64, usize>,
    pub(super) workers: BTreeMap<Uuid, Worker>,
    /// Every worker that ever registered.
    pub(super) registered: Vec<Uuid>,
    /// Every run that was ever claimed, and to which worker.
    pub(super) runs: Vec<(RunKey, Option<Uuid>)>,
    /// The id of every job that ever was.
    pub(super) ids: BTreeMap<i64, String>,
    pub(super) last_seq: i64,
    /// Some jobs were published packed.
    pub(super) packed: bool,
    /// Leases and workers get numbers.
    pub(super) named: u128,
}

#[derive(Default)]
pub(super) struct Transaction {
    /// A job as the transaction left it; none: it is gone.
    changed: BTreeMap<i64, Option<Job>>,
    /// Workers that claimed in it.
    pub(super) claiming: Vec<Uuid>,
}

impl Model {
    /// A key that was not used before in this case.
    pub(super) fn new_key(&mut self) -> Uuid {
        self.named += 1;
        Uuid::from_u128(self.named)
    }

    /// The jobs as a session sees them.
    pub(super) fn view(&self, session: usize) -> Jobs {
        let mut jobs = self.jobs.clone();
        if let Some(transaction) = self.open.get(&session) {
            lay_over(&mut jobs, &transaction.changed);
        }
        jobs
    }

    /// Keeps what a session did to the jobs that it sees.
    pub(super) fn record(&mut self, session: usize, after: Jobs) {
        for (number, job) in &after {
            self.ids.entry(*number).or_insert_with(|| job.id.clone());
            self.last_seq = self.last_seq.max(*number).max(job.ready_seq.unwrap_or(0));
            if let Some(run) = job.run() {
                let key = RunKey { number: *number, lease: run.lease, batch_index: run.batch_index };
                if !self.runs.iter().any(|known| known.0 == key) {
                    self.runs.push((key, run.worker));
                }
            }
        }
        let before = self.view(session);
        let Some(transaction) = self.open.get_mut(&session) else {
            self.jobs = after;
            return;
        };
        for number in before.keys().chain(after.keys()) {
            if before.get(number) != after.get(number) {
                transaction.changed.insert(*number, after.get(number).cloned());
            }
        }
    }

    pub(super) fn finish(&mut self, session: usize, commit: bool) {
        let Some(transaction) = self.open.remove(&session) else { return };
        if commit {
            lay_over(&mut self.jobs, &transaction.changed);
        }
        for worker in transaction.claiming {
            if let Some(worker) = self.workers.get_mut(&worker) {
                worker.claiming -= 1;
            }
        }
        self.locked.retain(|_, locker| *locker != session);
    }

    /// Jobs that other sessions have locked.
    pub(super) fn locked_for(&self, session: usize) -> BTreeSet<i64> {
        self.locked.iter().filter(|(_, locker)| **locker != session).map(|(number, _)| *number).collect()
    }

    /// Jobs that a session's transaction changed.
    pub(super) fn changed(&self, session: usize) -> BTreeSet<i64> {
        self.open.get(&session).map(|open| open.changed.keys().copied().collect()).unwrap_or_default()
    }

    /// A run: one that the session sees, or any that was ever claimed.
    pub(super) fn run(&self, session: usize, pick: Pick) -> Option<(RunKey, Option<Uuid>)> {
        let view = self.view(session);
        let live = |(key, _): &&(RunKey, Option<Uuid>)| {
            view.get(&key.number).and_then(Job::run).is_some_and(|run| run.lease == key.lease)
        };
        let live: Vec<_> = self.runs.iter().filter(|run| pick.live && live(run)).collect();
        match (live.len(), self.runs.len()) {
            (0, 0) => None,
            (0, all) => Some(self.runs[pick.nth % all]),
            (some, _) => Some(*live[pick.nth % some]),
        }
    }

    /// A job: one that has not ended, or any that ever was.
    pub(super) fn job(&self, session: usize, pick: Pick) -> Option<i64> {
        let view = self.view(session);
        let open: Vec<i64> =
            view.values().filter(|job| pick.live && job.end().is_none()).map(|job| job.number).collect();
        match (open.len(), self.ids.len()) {
            (0, 0) => None,
            (0, all) => self.ids.keys().nth(pick.nth % all).copied(),
            (some, _) => Some(open[pick.nth % some]),
        }
    }
}

fn lay_over(jobs: &mut Jobs, changed: &BTreeMap<i64, Option<Job>>) {
    for (number, job) in changed {
        match job {
            Some(job) => jobs.insert(*number, job.clone()),
            None => jobs.remove(number),
        };
    }
}
