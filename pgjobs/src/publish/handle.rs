//! Handles of published jobs, which wait for results.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::PgPool;

use super::publisher::Sent;
use super::result_listener::until_ended;
use super::subject::{Stand, Subject};
use crate::db::admin;
use crate::db::explain::{self, Reason};
use crate::db::inspect::{self, JobRow};
use crate::db::progress;
use crate::db::results::Standing;
use crate::types::body::read_result;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::progress::Progress;
use crate::types::unique::PublishOutcome;

/// A published job that returns an `R`.
///
/// The id can be stored and turned back into a handle with [`JobHandle::new`].
pub struct JobHandle<R> {
    job: Sent,
    result: PhantomData<fn() -> R>,
}

impl<R> JobHandle<R> {
    /// The handle of a job that is known to return an `R`.
    pub fn new(id: JobId) -> Self {
        JobHandle::of(Sent::Unknown(id))
    }

    pub(super) fn of(job: Sent) -> Self {
        JobHandle { job, result: PhantomData }
    }

    /// The job's id: of another job when that holds the unique key of the call. For a job that was published
    /// to a [`Tx`](crate::Tx) under a unique key, this is known once the transaction is committed.
    pub fn id(&self) -> &JobId {
        self.job.id()
    }

    /// Whether the call made a new job, or met one that holds its unique key (see [`Unique`](crate::Unique)).
    ///
    /// `None` when it is not known: for a handle of a bare id, in a [`Tx`](crate::Tx) that is not committed,
    /// and for a call by name without [`unique`](crate::Publish::unique), of which only the database knows
    /// what its task declares.
    pub fn outcome(&self) -> Option<PublishOutcome> {
        self.job.outcome()
    }

    /// The current state of the job.
    ///
    /// # Errors
    /// [`Error::UnknownJob`] when its transaction was not committed, when it ended and is not kept
    /// (see [`Keep`](crate::Keep)), or when its history was dropped.
    pub async fn fetch(&self, pool: &PgPool) -> Result<JobRow, Error> {
        inspect::get(&mut *pool.acquire().await?, self.id()).await
    }

    /// Why it is not running, or where it runs, or how it ended: the most important reason first.
    ///
    /// # Errors
    /// As [`fetch`](JobHandle::fetch).
    pub async fn explain(&self, pool: &PgPool) -> Result<Vec<Reason>, Error> {
        explain::explain(&mut *pool.acquire().await?, self.id()).await
    }
}

impl<R> JobHandle<R> {
    /// How far its newest run is, or was when it ended ([`Job::progress`](crate::Job::progress)); `None` when it
    /// has not said so.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool, job: pgjobs::JobHandle<()>) -> Result<(), pgjobs::Error> {
    /// if let Some(part) = job.progress(&pool).await?.and_then(|progress| progress.fraction()) {
    ///     println!("{:.0} %", part * 100.0);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Database`] when the query fails.
    pub async fn progress(&self, pool: &PgPool) -> Result<Option<Progress>, Error> {
        Ok(progress::progress(&mut *pool.acquire().await?, self.id()).await?.pop())
    }

    /// Cancels the job, for this reason: it never runs, or its run is told to stop within 5 s, as
    /// [`admin::cancel`](crate::admin::cancel) does, which can also say how long. Returns false when it has
    /// ended already, or is unknown.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool, job: pgjobs::JobHandle<()>) -> Result<(), pgjobs::Error> {
    /// job.cancel(&pool, "the customer took it back").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Database`] when the database user lacks the role `jobs_admin`, or the query fails.
    pub async fn cancel(&self, pool: &PgPool, reason: &str) -> Result<bool, Error> {
        let (job, grace) = (std::slice::from_ref(self.id()), Duration::from_secs(5));
        let found = admin::cancel(&mut *pool.acquire().await?, job, grace, Some(reason)).await?;
        Ok(!found.is_empty())
    }
}

impl<R: DeserializeOwned> JobHandle<R> {
    /// Waits until the job has ended, and returns its result.
    ///
    /// All waiters of this process on a database share one connection besides your pool (`pgjobs wait`): it
    /// listens for ended jobs and queries all jobs at once, and about once a second even without a
    /// notification. Your pool is used only while that connection is not available. Publish and commit first:
    /// a job that is not committed is unknown. A job that its task does not keep ([`Keep`](crate::Keep)) has
    /// no result to read, even if it succeeds while this waits.
    ///
    /// Waits through a restart or failover of the server, without a limit: use
    /// [`wait_for`](JobHandle::wait_for) if that is too long.
    ///
    /// ```no_run
    /// use pgjobs::task;
    ///
    /// #[task]
    /// async fn add(a: i64, b: i64) -> Result<i64, pgjobs::TaskError> { Ok(a + b) }
    ///
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let sum: i64 = add::publish(&pool, 1, 2).await?.wait(&pool).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::JobFailed`] when the job failed or was cancelled, [`Error::UnknownJob`] when there is no such
    /// job (or no longer), [`Error::NotKept`] when it existed and then left no row, [`Error::Body`] when its
    /// result is not an `R`, [`Error::Database`] when the database refuses the query or the pool is closed,
    /// [`Error::SchemaMissing`] without a schema.
    pub async fn wait(&self, pool: &PgPool) -> Result<R, Error> {
        self.read(self.until_ended(pool, None).await?)
    }

    /// As [`wait`](JobHandle::wait), for at most `limit`.
    ///
    /// # Errors
    /// As [`wait`](JobHandle::wait), and [`Error::WaitTimeout`] when the job is not known to have ended by
    /// then; the job continues.
    pub async fn wait_for(&self, pool: &PgPool, limit: Duration) -> Result<R, Error> {
        self.read(self.until_ended(pool, Some(limit)).await?)
    }

    async fn until_ended(&self, pool: &PgPool, limit: Option<Duration>) -> Result<Standing, Error> {
        match until_ended(pool, &Subject::Job(self.id().clone()), limit).await? {
            Stand::Job(standing) => Ok(standing),
            Stand::Workflow(_) => Err(Error::UnknownJob(self.id().clone())),
        }
    }

    fn read(&self, standing: Standing) -> Result<R, Error> {
        if standing.state == JobState::Success {
            return Ok(read_result(standing.result.as_deref().unwrap_or("null"))?);
        }
        let error = standing.traceback.unwrap_or_default();
        Err(Error::JobFailed { id: self.id().clone(), state: standing.state, error })
    }
}

impl<R> Clone for JobHandle<R> {
    fn clone(&self) -> Self {
        JobHandle::of(self.job.clone())
    }
}

impl<R> fmt::Debug for JobHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JobHandle").field(self.id()).finish()
    }
}
