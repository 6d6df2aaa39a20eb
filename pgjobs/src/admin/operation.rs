//! An operation over many jobs before it is started, and what is done to one that runs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

use crate::db::admin::operation::{self as db, Change, Chosen, Manner};
use crate::types::error::Error;
use crate::types::job_state::JobState;
use crate::types::topic::Topic;

pub use crate::db::admin::operation::{OperationRow, Preview};

/// Retry, re-drive, cancel or purge all jobs that match, in bounded steps which any worker does.
///
/// The row of the operation has its progress, and each step commits together with what it did: whatever dies,
/// each job is dealt with once. Jobs that begin to match after the start are left alone.
///
/// ```no_run
/// use pgjobs::admin::Operation;
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let failed = Operation::redrive("mail.*".parse()?).error("timed out").rate(50.0);
/// println!("{} jobs", failed.preview(&pool).await?.jobs);
/// let operation = failed.reason("the relay is back").start(&pool).await?;
/// println!("operation {} runs", operation.id);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "an operation is started by .start(…).await"]
pub struct Operation {
    kind: &'static str,
    topic: Topic,
    state: Option<JobState>,
    error: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    rate: Option<f64>,
    grace: Option<Duration>,
    reason: Option<String>,
}

impl Operation {
    /// Requeues failed jobs under their ids, with all their runs available again.
    pub fn retry(topic: Topic) -> Self {
        Operation::of("retry", topic)
    }

    /// Publishes failed jobs anew, as new jobs; each is re-driven once. See [`redrive`](super::redrive).
    pub fn redrive(topic: Topic) -> Self {
        Operation::of("redrive", topic)
    }

    /// Cancels pending and running jobs.
    pub fn cancel(topic: Topic) -> Self {
        Operation::of("cancel", topic)
    }

    /// Deletes pending jobs for good.
    pub fn purge(topic: Topic) -> Self {
        Operation::of("purge", topic)
    }

    fn of(kind: &'static str, topic: Topic) -> Self {
        Operation {
            kind,
            topic,
            state: None,
            error: None,
            since: None,
            until: None,
            rate: None,
            grace: None,
            reason: None,
        }
    }

    /// Only jobs in this state: failed (the default) or cancelled ones for retry and re-drive, pending or
    /// running ones for cancel.
    pub fn state(mut self, state: JobState) -> Self {
        self.state = Some(state);
        self
    }

    /// Only jobs whose last error has this text of 1 to 1000 characters; `*` is any text in it.
    pub fn error(mut self, part: impl Into<String>) -> Self {
        self.error = Some(part.into());
        self
    }

    /// Only jobs that ended at this time or later; for cancel and purge, that were published then.
    pub fn since(mut self, since: DateTime<Utc>) -> Self {
        self.since = Some(since);
        self
    }

    /// Only jobs that ended before this time; for cancel and purge, that were published before.
    pub fn until(mut self, until: DateTime<Utc>) -> Self {
        self.until = Some(until);
        self
    }

    /// At most so many jobs a second, 0.001 to 1,000,000, so that whatever they failed at is not flooded; as
    /// fast as it goes by default.
    pub fn rate(mut self, jobs_a_second: f64) -> Self {
        self.rate = Some(jobs_a_second);
        self
    }

    /// Of a cancel: how long the code of running jobs may go on, up to an hour; 5 s by default, as for
    /// [`cancel`](super::cancel). Other operations that have a grace are refused at their start.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Why, for the audit and for whoever finds it running; at most 1000 characters.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The topic, for messages.
    #[cfg(feature = "cli")]
    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The states of the jobs that it takes, for messages.
    #[cfg(feature = "cli")]
    pub(crate) fn states(&self) -> &'static str {
        match (self.state, self.kind) {
            (Some(state), _) => state.as_str(),
            (None, "cancel") => "pending and running",
            (None, "purge") => "pending",
            (None, _) => "failed",
        }
    }

    fn chosen(&self) -> Chosen<'_> {
        Chosen {
            kind: self.kind,
            topic: self.topic.as_str(),
            state: self.state.map(JobState::as_str),
            error: self.error.as_deref(),
            since: self.since,
            until: self.until,
        }
    }

    fn manner(&self) -> Manner<'_> {
        Manner { rate: self.rate, grace: self.grace, reason: self.reason.as_deref() }
    }

    /// Counts the jobs that it would take now, and changes nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] with `PT400` for a selection that cannot be meant, [`Error::Database`] otherwise.
    pub async fn preview(&self, pool: &PgPool) -> Result<Preview, Error> {
        db::preview(&mut *pool.acquire().await?, &self.chosen()).await
    }

    /// Starts it, in the transaction of `database` if it is one. Workers do its steps from then on, and in a
    /// database without workers [`step_operation`] does.
    ///
    /// # Errors
    /// As [`preview`](Operation::preview).
    pub async fn start(&self, database: impl PgExecutor<'_>) -> Result<OperationRow, Error> {
        db::start(database, &self.chosen(), self.manner(), None).await
    }

    /// The same with the count of a preview, which may have taken seconds.
    #[cfg(feature = "cli")]
    pub(crate) async fn start_as(&self, preview: &Preview, pool: &PgPool) -> Result<OperationRow, Error> {
        db::start(pool, &self.chosen(), self.manner(), Some(preview.jobs)).await
    }
}

/// One operation; [`Error::Refused`] with `PT404` when there is none.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// let operation = pgjobs::admin::operation(&pool, id).await?;
/// println!("operation {id} is {}", operation.state);
/// # Ok(()) }
/// ```
pub async fn operation(pool: &PgPool, id: i64) -> Result<OperationRow, Error> {
    db::get(&mut *pool.acquire().await?, id).await
}

/// The newest operations, at most `limit`, those before one (`None`: from the newest).
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// for operation in pgjobs::admin::operations(&pool, None, 20).await? {
///     println!("{} {}", operation.id, operation.state);
/// }
/// # Ok(()) }
/// ```
pub async fn operations(pool: &PgPool, before: Option<i64>, limit: u16) -> Result<Vec<OperationRow>, Error> {
    db::list(&mut *pool.acquire().await?, before, i32::from(limit)).await
}

/// Stops an operation where it is until [`resume_operation`]; waits for a step that is at work.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// use pgjobs::admin;
///
/// admin::pause_operation(&pool, id, Some("the relay is busy")).await?;
/// // …
/// admin::resume_operation(&pool, id, None).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when there is none, with `PT409` when it has ended.
pub async fn pause_operation(
    database: impl PgExecutor<'_>,
    id: i64,
    reason: Option<&str>,
) -> Result<OperationRow, Error> {
    db::change(database, id, Change::Pause, reason).await
}

/// Lets a paused operation go on from where it was; errors as in [`pause_operation`].
pub async fn resume_operation(
    database: impl PgExecutor<'_>,
    id: i64,
    reason: Option<&str>,
) -> Result<OperationRow, Error> {
    db::change(database, id, Change::Resume, reason).await
}

/// Ends an operation where it is; what it has done stays done. Errors as in [`pause_operation`].
pub async fn cancel_operation(
    database: impl PgExecutor<'_>,
    id: i64,
    reason: Option<&str>,
) -> Result<OperationRow, Error> {
    db::change(database, id, Change::Cancel, reason).await
}

/// Does steps of an operation for about `seconds` (at most 10), or until its rate allows no more, and returns
/// it. For tools, and for databases in which no worker runs; several callers do no harm.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// while pgjobs::admin::step_operation(&pool, id, 0.3).await?.state == "running" {
///     tokio::time::sleep(std::time::Duration::from_millis(200)).await;
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when there is none.
pub async fn step_operation(
    database: impl PgExecutor<'_>,
    id: i64,
    seconds: f64,
) -> Result<OperationRow, Error> {
    db::step(database, id, seconds).await
}
