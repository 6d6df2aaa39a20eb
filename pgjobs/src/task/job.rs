//! A running job, as its task sees it.

mod on_success;
mod times;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::cancel::{CancelToken, Ending};
use super::reports::Reports;
use crate::db;
use crate::db::claimed::Claimed;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::meta::TAGS;
use crate::types::task_error::encode_result;
pub use on_success::OnSuccess;
pub(crate) use times::ClaimTimes;

/// The job that a task is running, injected with `#[inject] job: &Job`.
///
/// Its lease is valid while the task runs; [`Job::finish`] uses it to end the job inside a transaction of the
/// task's own.
pub struct Job {
    pub(super) claimed: Claimed,
    times: ClaimTimes,
    finished: AtomicBool,
    ending: Ending,
    pub(super) reports: Reports,
    kept: on_success::Kept,
}

impl Job {
    pub(crate) fn new(claimed: Claimed, times: ClaimTimes) -> Self {
        let (ending, reports, kept) = Default::default();
        Job { claimed, times, finished: AtomicBool::new(false), ending, reports, kept }
    }

    /// A job as a test needs it, claimed just now.
    #[cfg(test)]
    pub(crate) fn example(claimed: Claimed) -> Self {
        let now = std::time::Instant::now();
        Job::new(claimed, ClaimTimes { notified: None, sent: now, answered: now })
    }

    /// The lease that settles this attempt.
    pub(crate) fn lease(&self) -> Uuid {
        self.claimed.lease
    }

    /// The position of this run within its lease.
    pub(crate) fn batch_index(&self) -> i32 {
        self.claimed.batch_index
    }

    /// Whether the claim already marked this run as started.
    pub(crate) fn was_claimed_as_started(&self) -> bool {
        self.claimed.started
    }

    /// Whether the run must not start before the database has recorded its start: if the worker died, the run
    /// has to count as an attempt, and it is the last one.
    pub(crate) fn must_be_counted_first(&self) -> bool {
        !self.claimed.started && self.is_last_run()
    }

    /// The job's id, the same for all its attempts.
    pub fn id(&self) -> &JobId {
        &self.claimed.id
    }

    /// The task name it was published under (an alias, if that is what the publisher used).
    pub fn task(&self) -> &str {
        &self.claimed.task
    }

    /// The number of this attempt, from 1; it grows with every attempt, counted or not, so that it can fence
    /// writes to systems outside the database.
    pub fn attempt(&self) -> i32 {
        self.claimed.attempt
    }

    /// How many runs have failed so far; [`max_retries`](Job::max_retries) minus this is the number of runs
    /// left.
    pub fn retries(&self) -> i32 {
        self.claimed.retries
    }

    /// The maximum number of runs before the job ends as failed: 3 means at most three.
    pub fn max_retries(&self) -> i32 {
        self.claimed.max_retries
    }

    /// Whether a failure of this run ends the job as failed.
    pub fn is_last_run(&self) -> bool {
        self.claimed.retries.saturating_add(1) >= self.claimed.max_retries
    }

    /// Jobs with a greater priority run first.
    pub fn priority(&self) -> i32 {
        self.claimed.priority
    }

    /// The time limit of this run.
    pub fn timeout(&self) -> Duration {
        self.claimed.timeout
    }

    /// The body as stored: `{"args": [...], "kwargs": {...}}`, or `None`.
    pub fn body(&self) -> Option<&str> {
        self.claimed.body.as_deref()
    }

    /// A note of its publisher (`.meta(key, value)`); `None` when there is none under this key.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// let tenant = job.meta("tenant").and_then(|tenant| tenant.as_i64());
    /// # }
    /// ```
    pub fn meta(&self, key: &str) -> Option<Value> {
        let meta: Map<String, Value> = serde_json::from_str(self.claimed.meta.as_deref()?).ok()?;
        meta.get(key).cloned()
    }

    /// The tick of the schedule that published it; `None` for a job that was published otherwise.
    ///
    /// ```
    /// use pgjobs::{Job, task};
    ///
    /// #[task(cron = "0 3 * * *", zone = "Europe/Berlin")]
    /// async fn report(#[inject] job: &Job) {
    ///     // The night that it reports on, also when it runs late.
    ///     let night = job.tick().map(|tick| tick.at);
    /// }
    /// ```
    pub fn tick(&self) -> Option<Tick> {
        serde_json::from_value(self.meta("tick")?).ok()
    }

    /// Whether this run is in vain: the job was cancelled, the worker's lease was lost, or the worker hands
    /// the job back because it ends. Whatever the run returns is not accepted any more.
    ///
    /// A task that waits nowhere looks at it now and then, and returns early. After a cancel it has a grace
    /// to do so (5 s by default); then it is cut off at the `.await` where it waits, if it waits.
    pub fn is_cancelled(&self) -> bool {
        self.ending.is_cancelled()
    }

    /// Returns once [`is_cancelled`](Job::is_cancelled) is true: to clean up before the task is cut off.
    ///
    /// ```no_run
    /// use pgjobs::{Job, TaskError, task};
    /// # async fn transfer(_: &str) -> Result<(), TaskError> { Ok(()) }
    /// # async fn remove_half_of(_: &str) -> Result<(), TaskError> { Ok(()) }
    ///
    /// #[task(timeout = "1h")]
    /// async fn upload(#[inject] job: &Job, file: String) -> Result<(), TaskError> {
    ///     tokio::select! {
    ///         done = transfer(&file) => done,
    ///         () = job.cancelled() => remove_half_of(&file).await,
    ///     }
    /// }
    /// ```
    pub async fn cancelled(&self) {
        self.ending.token().cancelled().await;
    }

    /// The same for code that does not have the job: a thread of `spawn_blocking`.
    pub fn cancel_token(&self) -> CancelToken {
        self.ending.token()
    }

    /// Whether this run takes longer than its task's `warn_after`.
    pub fn is_late(&self) -> bool {
        self.ending.is_late()
    }

    pub(crate) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// The first job of the chain, when this one was published by a re-drive of a failed one
    /// ([`admin::redrive`](crate::admin::redrive)); `None` otherwise.
    pub fn origin(&self) -> Option<JobId> {
        let redrive = self.meta("redrive")?;
        Some(JobId::from_database(redrive.get("origin")?.as_str()?.to_owned()))
    }

    /// A text that is the same for all attempts of this job and for all re-drives of it, and of no other job:
    /// give it to a service that takes such keys, and the service does twice what it is asked twice only
    /// once.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// let header = ("Idempotency-Key", job.idempotency_key());
    /// # }
    /// ```
    pub fn idempotency_key(&self) -> String {
        self.origin().as_ref().unwrap_or(self.id()).to_string()
    }

    /// The tags of its publisher (`.tag(tag)`).
    pub fn tags(&self) -> Vec<String> {
        self.meta(TAGS).and_then(|tags| serde_json::from_value(tags).ok()).unwrap_or_default()
    }

    /// Ends the job as a success inside the task's own transaction.
    ///
    /// The effects written in `tx` and the acknowledgement commit together or not at all: only in this way do
    /// effects happen exactly once. If the lease is no longer valid the call fails, and the transaction must
    /// be rolled back. If `tx` is rolled back after this call succeeded, the worker sees that the job has not
    /// ended, and the run counts as failed, in the database and in the worker's report. If `tx` is committed
    /// and the task then returns an error, the job is a success all the same.
    ///
    /// ```no_run
    /// use pgjobs::{Job, TaskError, sqlx, task};
    ///
    /// #[task]
    /// async fn transfer(
    ///     #[inject] pool: &sqlx::PgPool,
    ///     #[inject] job: &Job,
    ///     from: i64,
    ///     to: i64,
    ///     amount: i64,
    /// ) -> Result<i64, TaskError> {
    ///     let mut tx = pool.begin().await?;
    ///     sqlx::query("insert into entry (account, amount) values ($1, -$3), ($2, $3)")
    ///         .bind(from).bind(to).bind(amount)
    ///         .execute(&mut *tx).await?;
    ///     job.finish(&mut tx, &amount).await?;
    ///     tx.commit().await?;
    ///     Ok(amount)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when the lease is lost, [`Error::Encode`] when `result` cannot be written as
    /// JSON, [`Error::Option`] when something is to be published [`on_success`](Job::on_success),
    /// [`Error::Database`] otherwise.
    pub async fn finish<T: Serialize + ?Sized>(
        &self,
        tx: &mut sqlx::PgConnection,
        result: &T,
    ) -> Result<(), Error> {
        if self.publishes_on_success() {
            return Err(on_success::refused("there is something to publish when the worker ends this job"));
        }
        let result: Box<RawValue> =
            encode_result(result).map_err(|e| Error::Encode(e.message().to_owned()))?;
        db::settle::ack(tx, &self.claimed.id, self.claimed.lease, &result).await?;
        self.finished.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn was_finished_by_task(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
}

/// The time for which a schedule published a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tick {
    /// The schedule's name.
    pub schedule: String,
    /// The time, which may be long before the job's: after an outage, or in a backfill.
    pub at: DateTime<Utc>,
}

impl fmt::Debug for Job {
    // Without the body (it may contain secrets) and the lease (it is a key).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.claimed.id)
            .field("task", &self.claimed.task)
            .field("attempt", &self.claimed.attempt)
            .finish_non_exhaustive()
    }
}
