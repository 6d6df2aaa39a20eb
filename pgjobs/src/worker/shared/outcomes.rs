//! How the loops report the outcomes of runs to the settle loop.

use std::collections::HashSet;
use std::sync::Arc;

use super::Shared;
use crate::db::settle::{Outcome, Settlement};
use crate::db::worker::{Run, RunKey};
use crate::metrics::OTHER;
use crate::task::job::Job;
use crate::types::job_id::JobId;
use crate::worker::in_flight::Key;

impl Shared {
    /// Reports the outcome of a job, unless another caller has taken the job out.
    pub(in crate::worker) fn settle(&self, job: &Job, outcome: Outcome) {
        self.in_flight.take(job, || self.send(job, outcome));
    }

    /// Stops and releases everything in flight; the runs do not count as attempts.
    pub(in crate::worker) fn release_all(&self) {
        self.leavers.drop_all();
        self.release(self.in_flight.stop_all());
    }

    /// Releases those of the database's `runs` that were not this worker's (`own`) before the query: a run
    /// that was may have been settled since.
    pub(in crate::worker) fn release_unknown(&self, runs: Vec<Run>, own: &HashSet<Key>) {
        for (job, lease, batch_index) in runs {
            if !own.contains(&(lease, batch_index)) {
                self.counts.opened(1);
                let _ = self.settlements.send(Settlement::new(
                    job,
                    lease,
                    batch_index,
                    Outcome::ReleaseUnknown,
                    false,
                ));
            }
        }
    }

    /// Releases these jobs, which the caller has taken out; returns how many.
    pub(in crate::worker) fn release(&self, jobs: Vec<Arc<Job>>) -> usize {
        jobs.iter().for_each(|job| self.send(job, Outcome::Release));
        jobs.len()
    }

    /// Ends a run whose job cannot be read, as failed.
    pub(in crate::worker) fn fail_unread(&self, job: JobId, run: RunKey, reason: String) {
        let outcome = Outcome::Fail(reason);
        self.counts.opened(1);
        self.counts.outcome(&outcome, true);
        self.in_flight.give(run);
        let mut settlement = Settlement::new(job, run.0, run.1, outcome, true);
        settlement.meter = self.meters.place(OTHER);
        let _ = self.settlements.send(settlement);
    }

    fn send(&self, job: &Job, outcome: Outcome) {
        if self.has_died() {
            return self.counts.forgot(1);
        }
        let is_last = job.is_last_run();
        self.counts.outcome(&outcome, is_last);
        let mut settlement =
            Settlement::new(job.id().clone(), job.lease(), job.batch_index(), outcome, is_last);
        if let Some(notes) = job.said() {
            self.last_words.part(notes, &mut settlement);
        }
        settlement.meter = self.meters.place(job.task());
        if job.was_finished_by_task() {
            settlement.finished = self.registry.get(job.task()).map(|task| task.options.keep);
        }
        // The settle loop outlives every sender; after its end nothing receives outcomes.
        let _ = self.settlements.send(settlement);
    }
}
