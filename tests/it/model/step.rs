//! One operation's effect, as the model expects it. What the database may choose (an order among equals, a
//! random delay, a lease) is taken from what it then shows, after a check that it may be so.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prop_assert, prop_assert_eq};
use sqlx::types::Uuid;

use super::database::Verified;
use super::job::{End, Job, Jobs, Micros, Run, SECOND, State};

/// How long a worker's lease outlasts a timeout.
pub(super) const MARGIN: i64 = 5;

pub(super) struct Step<'a> {
    /// The jobs as the session sees them: before the operation, then changed by it.
    pub(super) jobs: Jobs,
    /// The jobs as the database shows them to the session after the operation.
    pub(super) seen: &'a Jobs,
    pub(super) now: Micros,
    /// Jobs whose rows another session's transaction has locked.
    pub(super) locked: &'a BTreeSet<i64>,
    /// New numbers come after this one.
    pub(super) last_seq: i64,
    pub(super) workers: &'a mut BTreeMap<Uuid, Worker>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Worker {
    pub(super) expires_at: Micros,
    pub(super) lost: bool,
    /// Transactions under way in which it claimed.
    pub(super) claiming: usize,
}

/// A run that a claim made.
pub(super) struct Taken {
    pub(super) number: i64,
    pub(super) lease: Uuid,
    /// Null: whatever the database shows.
    pub(super) batch_index: Option<i32>,
    pub(super) worker: Option<Uuid>,
}

impl Step<'_> {
    pub(super) fn free(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(|job| !self.locked.contains(&job.number))
    }

    pub(super) fn job(&mut self, number: i64) -> &mut Job {
        self.jobs.get_mut(&number).expect("a job of the model")
    }

    pub(super) fn shown(&self, number: i64) -> Verified<&Job> {
        let shown = self.seen.get(&number);
        prop_assert!(shown.is_some(), "job {} is gone", number);
        Ok(shown.expect("shown"))
    }

    /// A ready_seq at the end of the queue.
    pub(super) fn give_ready_seq(&mut self, number: i64) -> Verified {
        let ready_seq = self.shown(number)?.ready_seq;
        prop_assert!(ready_seq > Some(self.last_seq), "job {} has no new number: {:?}", number, ready_seq);
        self.job(number).ready_seq = ready_seq;
        Ok(())
    }

    pub(super) fn take(&mut self, taken: &Taken) -> Verified {
        let shown = self.shown(taken.number)?.run().map(|run| run.batch_index);
        let (now, margin) = (self.now, if taken.worker.is_some() { MARGIN } else { 0 });
        let batch_index = taken.batch_index.or(shown);
        prop_assert!(batch_index.is_some(), "job {} does not run", taken.number);
        let job = self.job(taken.number);
        job.attempt += 1;
        job.state = State::Running(Run {
            lease: taken.lease,
            batch_index: batch_index.expect("a batch_index"),
            worker: taken.worker,
            run_at: now,
            expires_at: now + (job.timeout + margin) * SECOND,
        });
        Ok(())
    }

    pub(super) fn end(&mut self, number: i64, status: &str, result: Option<i64>) {
        let now = self.now;
        let job = self.job(number);
        let run = job.run().cloned();
        let lease = run.as_ref().map(|run| run.lease).filter(|_| status != "cancelled");
        let (worker, run_at) = (run.as_ref().and_then(|run| run.worker), run.map(|run| run.run_at));
        job.ready_seq = None;
        job.state = State::Ended(End { status: status.to_owned(), lease, worker, run_at, at: now, result });
    }

    /// A run failed and is charged; the delay is null for the default backoff.
    pub(super) fn charge(&mut self, number: i64, error: &str, delay: Option<i64>) -> Verified {
        let job = self.job(number);
        job.traceback = Some(error.to_owned());
        if job.retries + 1 >= job.max_retries {
            self.end(number, "failed", None);
            return Ok(());
        }
        self.later(number, delay)?;
        self.job(number).retries += 1;
        Ok(())
    }

    /// The job runs again after a delay.
    pub(super) fn later(&mut self, number: i64, delay: Option<i64>) -> Verified {
        let now = self.now;
        let shown = self.shown(number)?.scheduled_at;
        let job = self.job(number);
        job.scheduled_at = delay.map(|delay| now + delay * SECOND).or(shown);
        if delay.is_none() {
            let usual = (3 * SECOND) << job.retries;
            let wait = shown.unwrap_or_default() - now;
            prop_assert!((usual / 2..=usual * 3 / 2).contains(&wait), "{} backs off for {} us", number, wait);
        }
        let due = job.scheduled_at <= Some(now);
        job.state = State::Pending { row: number };
        job.ready_seq = None;
        if due { self.give_ready_seq(number) } else { Ok(()) }
    }

    /// A run whose worker died is charged, and the job goes before others as a released one does.
    pub(super) fn lose(&mut self, number: i64, error: &str) {
        let job = self.job(number);
        job.traceback = Some(error.to_owned());
        if job.retries + 1 >= job.max_retries {
            self.end(number, "failed", None);
        } else {
            job.retries += 1;
            self.release(number);
        }
    }

    /// Released, which charges nothing, the job goes before all others of its priority, in its old order.
    pub(super) fn release(&mut self, number: i64) {
        let job = self.job(number);
        job.ready_seq = job.ready_seq.map(|seq| if seq > 0 { seq - (1 << 62) } else { seq });
        job.state = State::Pending { row: number };
    }

    /// Gives a ready_seq to those of these due jobs to which the database gave one, up to `limit`.
    pub(super) fn promote(
        &mut self,
        limit: usize,
        since: Micros,
        among: &dyn Fn(&Job) -> bool,
    ) -> Verified<usize> {
        let mut due: Vec<(Micros, i64)> = self
            .free()
            .filter(|job| job.is_pending() && job.ready_seq.is_none() && among(job))
            .filter_map(|job| Some((job.scheduled_at?, job.number)))
            .filter(|due| (since..=self.now).contains(&due.0))
            .collect();
        due.sort_unstable();
        let (promoted, left): (Vec<_>, Vec<&(Micros, i64)>) =
            due.iter().partition(|due| self.seen.get(&due.1).is_some_and(|job| job.ready_seq.is_some()));
        prop_assert_eq!(promoted.len(), due.len().min(limit), "of {:?} promoted: {:?}", &due, &promoted);
        let last = promoted.iter().map(|due| due.0).max();
        prop_assert!(left.iter().all(|due| Some(due.0) >= last), "{:?} before {:?}", &promoted, &left);
        for due in &promoted {
            self.give_ready_seq(due.1)?;
        }
        Ok(promoted.len())
    }

    /// A row is unpacked as a whole, and its jobs are never packed again.
    pub(super) fn unpack(&mut self) {
        let seen = self.seen;
        let unpacked: BTreeSet<i64> = self
            .jobs
            .values()
            .filter(|job| job.row().is_some())
            .filter(|job| seen.get(&job.number).and_then(Job::row).is_some_and(|row| Some(row) != job.row()))
            .filter_map(Job::row)
            .collect();
        for job in self.jobs.values_mut().filter(|job| job.row().is_some_and(|row| unpacked.contains(&row))) {
            job.state = State::Pending { row: job.number };
        }
    }
}
