//! A running job, as its task sees it.

mod facts;
mod on_success;
mod times;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cancel::{CancelToken, Ending};
use super::reports::Reports;
use crate::db;
use crate::db::claimed::Claimed;
use crate::types::error::Error;
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
