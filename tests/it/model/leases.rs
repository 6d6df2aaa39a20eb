//! What sweeps, heartbeats and the end of a worker do.

use proptest::{prop_assert, prop_assert_eq};
use sqlx::types::Uuid;

use super::database::Verified;
use super::job::{Job, SECOND, State};
use super::step::{Step, Worker};

pub(super) const WORKERS_LEASE: i64 = 12;
const EXPIRED: &str = "expired: the run outlasted its timeout";
const LOST: &str = "lost: the worker died";

impl Step<'_> {
    pub(super) fn is_expired(&self, job: &Job) -> bool {
        job.run().is_some_and(|run| run.expires_at < self.now)
    }

    fn is_lost(&self, job: &Job) -> bool {
        let worker = job.run().and_then(|run| run.worker);
        worker.is_some_and(|worker| self.workers.get(&worker).is_none_or(|worker| worker.lost))
    }

    /// Whether the view of expired runs has this job.
    pub(super) fn shows_expired(&self, job: &Job) -> bool {
        let silent =
            |worker: &Uuid| self.workers.get(worker).is_none_or(|worker| worker.expires_at < self.now);
        let silent = job.run().and_then(|run| run.worker).is_some_and(|worker| silent(&worker));
        self.is_expired(job) || self.is_lost(job) || silent
    }

    /// Charges those of these runs that outlasted their timeout: those that the database did, all if the limit allows.
    pub(super) fn expire(&mut self, limit: usize, among: &dyn Fn(&Job) -> bool) -> Verified<usize> {
        let overdue = self.free().filter(|job| self.is_expired(job) && among(job));
        let overdue: Vec<i64> = overdue.map(|job| job.number).collect();
        self.requeue(&overdue, limit, EXPIRED, |step, number| {
            if step.jobs[&number].run().is_some_and(|run| run.worker.is_some()) {
                step.lose(number, EXPIRED);
                return Ok(());
            }
            step.charge(number, EXPIRED, None)
        })
    }

    fn requeue(
        &mut self,
        overdue: &[i64],
        limit: usize,
        error: &str,
        charge: impl Fn(&mut Self, i64) -> Verified,
    ) -> Verified<usize> {
        let running = self.jobs.values().filter(|job| job.run().is_some()).count();
        let mut requeued = 0;
        for number in overdue {
            let shown = self.shown(*number)?;
            if self.jobs[number].run() == shown.run() {
                prop_assert!(limit < running, "{} was not requeued", number);
            } else if shown.traceback.as_deref() == Some(error) {
                charge(self, *number)?;
                requeued += 1;
            }
        }
        prop_assert!(requeued <= limit, "{} of {}", requeued, limit);
        Ok(requeued)
    }

    pub(super) fn sweep(&mut self, limit: usize) -> Verified<usize> {
        let expired = self.expire(limit, &|_| true)?;
        let mut lost = 0;
        for worker in self.dead() {
            // One after another, in the order of their ids, until there are enough.
            if lost >= limit {
                break;
            }
            lost += self.sweep_worker(worker, limit - lost)?;
        }
        Ok(expired + lost)
    }

    /// Workers that gave no sign of life for as long as their lease. Not while a claim of theirs is under way.
    fn dead(&self) -> Vec<Uuid> {
        let is_dead = |worker: &Worker| (worker.lost || worker.expires_at < self.now) && worker.claiming == 0;
        let mut dead: Vec<Uuid> =
            self.workers.iter().filter(|(_, worker)| is_dead(worker)).map(|(id, _)| *id).collect();
        dead.sort_unstable();
        dead
    }

    /// Requeues the jobs of a dead worker, up to the limit; forgets it once nothing is left of it.
    fn sweep_worker(&mut self, id: Uuid, limit: usize) -> Verified<usize> {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.lost = true;
        }
        let its = |job: &&Job| job.run().is_some_and(|run| run.worker == Some(id));
        let lost: Vec<i64> = self.free().filter(its).map(|job| job.number).collect();
        let requeued = self.requeue(&lost, limit, LOST, |step, number| {
            step.lose(number, LOST);
            Ok(())
        })?;
        if !self.jobs.values().any(|job| its(&job)) {
            self.workers.remove(&id);
        }
        Ok(requeued)
    }

    pub(super) fn register(&mut self, id: Uuid) {
        let worker = Worker { expires_at: self.now + WORKERS_LEASE * SECOND, lost: false, claiming: 0 };
        self.workers.insert(id, worker);
    }

    /// Returns whether the worker still lives. Of late runs, the time of their whole batch counts anew.
    pub(super) fn heartbeat_worker(&mut self, id: Uuid, late: &[(Uuid, i32)]) -> bool {
        let now = self.now;
        let Some(worker) = self.workers.get_mut(&id).filter(|worker| !worker.lost) else { return false };
        worker.expires_at = now + WORKERS_LEASE * SECOND;
        let locked = self.locked;
        for job in self.jobs.values_mut().filter(|job| !locked.contains(&job.number)) {
            let timeout = job.timeout + super::step::MARGIN;
            if let State::Running(run) = &mut job.state
                && run.worker == Some(id)
                && late.iter().any(|(lease, batch_index)| {
                    *lease == run.lease && batch_index >> 6 == run.batch_index >> 6
                })
            {
                run.expires_at = now + timeout * SECOND;
            }
        }
        true
    }

    /// Releases what a claim under this lease took and still runs.
    pub(super) fn release_claim(&mut self, worker: Uuid, lease: Uuid) -> usize {
        let taken =
            |job: &&Job| job.run().is_some_and(|run| run.lease == lease && run.worker == Some(worker));
        let taken: Vec<i64> = self.jobs.values().filter(taken).map(|job| job.number).collect();
        for number in &taken {
            self.release(*number);
        }
        taken.len()
    }

    /// In how many seconds the next scheduled job comes due.
    pub(super) fn check_next(&self, next: Option<f64>) -> Verified {
        let future = self.jobs.values().filter(|job| job.is_pending() && job.ready_seq.is_none());
        let soonest = future.filter_map(|job| job.scheduled_at).min();
        let rounded = next.map(|seconds| (seconds * 1e6).round() as i64);
        prop_assert_eq!(rounded, soonest.map(|at| at - self.now));
        Ok(())
    }
}
