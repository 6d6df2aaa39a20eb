//! Read-only questions: how many jobs stand where, which they are, who works.
//!
//! ```no_run
//! # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
//! use pgjobs::inspect::{self, JobFilter};
//! use pgjobs::JobState;
//!
//! for counts in inspect::overview(&pool).await? {
//!     println!("{}: {} ready, {} running", counts.task, counts.ready, counts.running);
//! }
//! let failed = JobFilter { state: Some(JobState::Failed), ..JobFilter::default() };
//! for job in inspect::jobs(&pool, &failed).await? {
//!     println!("{} {:?}", job.job_id, job.traceback);
//! }
//! # Ok(()) }
//! ```
//!
//! Each function fails with [`Error::Database`] when the server cannot be asked. What one row holds, however odd,
//! hides no other: bodies and results come as the text that the database writes, and only with a single job.

use sqlx::PgPool;

use crate::db;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::topic::Topic;

pub use crate::db::explain::Reason;
pub use crate::db::inspect::{JobFilter, JobRow, TaskCounts, TaskParam, TaskRow, WorkerRow};

/// For each task, how many of its jobs stand where; cheap on any backlog, since counting stops at a cap
/// ([`exact`](TaskCounts::exact) says whether it did).
pub async fn overview(pool: &PgPool) -> Result<Vec<TaskCounts>, Error> {
    db::inspect::overview(&mut *pool.acquire().await?).await
}

/// A page of jobs, newest first; without their arguments and results, which [`job`] brings.
pub async fn jobs(pool: &PgPool, filter: &JobFilter) -> Result<Vec<JobRow>, Error> {
    db::inspect::find(&mut *pool.acquire().await?, filter).await
}

/// One job with its arguments and result, wherever it stands; [`Error::UnknownJob`] when there is none.
pub async fn job(pool: &PgPool, id: &JobId) -> Result<JobRow, Error> {
    db::inspect::get(&mut *pool.acquire().await?, id).await
}

/// Why a job is not running, or where it runs, or how it ended: the weightiest reason first.
///
/// Cheap on any backlog: it reads by index, and counts the jobs before it to 10,000 and no further.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// for reason in pgjobs::inspect::explain(&pool, &id).await? {
///     println!("{}: {}", reason.code, reason.message);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::UnknownJob`] when there is no such job, or its history is gone.
pub async fn explain(pool: &PgPool, id: &JobId) -> Result<Vec<Reason>, Error> {
    db::explain::explain(&mut *pool.acquire().await?, id).await
}

/// Tasks that workers declared, and undeclared ones that have jobs ready.
pub async fn tasks(pool: &PgPool) -> Result<Vec<TaskRow>, Error> {
    db::inspect::tasks(&mut *pool.acquire().await?).await
}

/// As [`tasks`], without their schemas: these may be large, and a list does not show them.
#[cfg(feature = "cli")]
pub(crate) async fn signatures(pool: &PgPool) -> Result<Vec<TaskRow>, Error> {
    db::inspect::signatures(&mut *pool.acquire().await?).await
}

/// Workers, and how many jobs each holds.
pub async fn workers(pool: &PgPool) -> Result<Vec<WorkerRow>, Error> {
    db::inspect::workers(&mut *pool.acquire().await?).await
}

/// How many jobs are in a state under a topic; counts no further than a million.
pub async fn count(pool: &PgPool, state: JobState, topic: &Topic) -> Result<i64, Error> {
    db::admin::count(&mut *pool.acquire().await?, state, topic).await
}
