//! A job: one published call, as the database keeps it and as a running task sees it.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::Error;
use crate::outcome::encode_result;
use crate::sql;

/// The id of a job: 32 hexadecimal digits, unguessable, ordered by time of publishing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_database(id: String) -> Self {
        JobId(id)
    }

    /// An id made here, for a call whose job reaches the database later (see [`crate::Tx`]).
    pub(crate) fn generate() -> Self {
        JobId(Uuid::now_v7().simple().to_string())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JobId {
    type Err = Error;

    /// Accepts what may stand in `job_id`: 1 to 32 letters and digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        let legal = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if legal {
            return Ok(JobId(text.to_owned()));
        }
        Err(Error::Option {
            name: "job id",
            reason: format!("`{}` is not 1 to 32 letters and digits", text.escape_debug()),
        })
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobState {
    /// Waiting for a worker, or for its time.
    Pending,
    /// Held by a worker under a lease.
    Running,
    /// Ended with a result.
    Success,
    /// Ended without one: all runs used up, or a fatal error.
    Failed,
    /// Ended by someone's request.
    Cancelled,
}

impl JobState {
    /// The state's name, as SQL spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Pending => "pending",
            JobState::Running => "running",
            JobState::Success => "success",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Whether no further run follows by itself.
    pub fn has_ended(self) -> bool {
        matches!(self, JobState::Success | JobState::Failed | JobState::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "pending" => JobState::Pending,
            "running" => JobState::Running,
            "success" => JobState::Success,
            "failed" => JobState::Failed,
            "cancelled" => JobState::Cancelled,
            other => {
                let reason = format!("`{other}` is none of pending, running, success, failed, cancelled");
                return Err(Error::Option { name: "state", reason });
            }
        })
    }
}

/// The job that a task is running, injected with `#[inject] job: &Job`.
///
/// Its lease is live while the task runs; [`Job::finish`] uses it to end the job inside a
/// transaction of the task's own.
pub struct Job {
    pub(crate) id: JobId,
    pub(crate) task: String,
    pub(crate) body: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) retries: i32,
    pub(crate) max_retries: i32,
    pub(crate) priority: i32,
    pub(crate) timeout: Duration,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) lease: Uuid,
    pub(crate) finished: AtomicBool,
}

impl Job {
    /// The job's id, the same over all its attempts.
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// The task name it was published under (an alias, if that is what the publisher used).
    pub fn task(&self) -> &str {
        &self.task
    }

    /// Which start this is, from 1; grows with every start, counted or not, so that it can fence
    /// writes to systems outside the database.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// How many runs have failed so far; with [`max_retries`](Job::max_retries) this says how many
    /// are left.
    pub fn retries(&self) -> i32 {
        self.retries
    }

    /// Runs in all before the job ends as failed: 3 means at most three.
    pub fn max_retries(&self) -> i32 {
        self.max_retries
    }

    /// Whether a failure of this run ends the job as failed.
    pub fn is_last_run(&self) -> bool {
        self.retries + 1 >= self.max_retries
    }

    /// Greater runs first.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// The longest this run may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When it was published.
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// When it was claimed for this attempt.
    pub fn run_at(&self) -> DateTime<Utc> {
        self.run_at
    }

    /// The body as stored: `{"args": [...], "kwargs": {...}}`, or none.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// Ends the job as a success inside the task's own transaction.
    ///
    /// The effects written in `tx` and the acknowledgement commit together or not at all: this is
    /// the one place where effects happen exactly once. If the lease is no longer live the call
    /// fails, and the transaction must be rolled back. If `tx` is rolled back after a success, the
    /// worker sees that the job has not ended and charges the run as failed.
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
    /// [`Error::LeaseLost`] when the job was handed on, [`Error::Encode`] when `result` is not
    /// JSON, [`Error::Database`] otherwise.
    pub async fn finish<T: Serialize>(&self, tx: &mut sqlx::PgConnection, result: &T) -> Result<(), Error> {
        let result: Box<RawValue> =
            encode_result(result).map_err(|e| Error::Encode(e.message().to_owned()))?;
        sql::settle::ack(tx, &self.id, self.lease, &result).await?;
        self.finished.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn was_finished_by_task(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Job {
    // Neither the body (it may hold secrets) nor the lease (it is a key).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("task", &self.task)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
