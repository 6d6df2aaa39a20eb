//! Read-only queries: counts of jobs by state, jobs, tasks, workers, and what is wrong.
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
//! Each function returns [`Error::Database`] when its query fails. An invalid value in one row never hides
//! other rows: bodies and results are returned as the text that the database writes, and only for a single
//! job.

mod workflows;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::PgPool;

use crate::db;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::progress::{LogLine, Progress};
use crate::types::topic::Topic;

pub use crate::db::explain::Reason;
pub use crate::db::inspect::{
    EndedLately, JobFilter, JobRow, TaskCounts, TaskParam, TaskRow, UniqueKeyRow, WorkerRow,
};
pub use crate::db::pause::PauseRow;
pub use crate::db::problems::Problem;
pub use crate::db::server_state::Draining;
pub use crate::db::standby::Standby;
pub use crate::db::statistics::{ErrorGroup, Percentiles, StatisticsRow, TaskStatistics};
pub use crate::db::steps::StepRow;
pub use crate::db::workflow_read::{NodeEdge, NodeResultRow, NodeRow, WorkflowFilter, WorkflowRow};
pub use crate::types::severity::Severity;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) use workflows::waits;
pub use workflows::{explain_workflow, node_results, workflow, workflow_nodes, workflows};

/// The number of jobs of each task in each state; cheap on any backlog, since counting stops at a cap
/// ([`exact`](TaskCounts::exact) is false when it did).
pub async fn overview(pool: &PgPool) -> Result<Vec<TaskCounts>, Error> {
    db::inspect::overview(&mut *pool.acquire().await?, 100_000).await
}

/// As [`overview`], with another cap: the less is counted, the less it costs.
#[cfg(feature = "top")]
pub(crate) async fn overview_up_to(pool: &PgPool, cap: i32) -> Result<Vec<TaskCounts>, Error> {
    db::inspect::overview(&mut *pool.acquire().await?, cap).await
}

/// How many jobs of each task ended in the last `seconds`, 1 to 60, and how: for rates. Cheap on any history,
/// since it reads the end of it and counts at most a few thousand jobs; a task of which none ended is not
/// among them. Jobs that are not kept ([`Keep`](crate::Keep)) are not counted.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for ended in pgjobs::inspect::ended_lately(&pool, 10).await? {
///     println!("{}: {:.1} a second", ended.task, ended.per_second());
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] for another number of seconds.
pub async fn ended_lately(pool: &PgPool, seconds: u32) -> Result<Vec<EndedLately>, Error> {
    db::inspect::ended_lately(&mut *pool.acquire().await?, seconds).await
}

/// A page of jobs, newest first, without their arguments and results, which [`job`] returns.
pub async fn jobs(pool: &PgPool, filter: &JobFilter) -> Result<Vec<JobRow>, Error> {
    db::inspect::find(&mut *pool.acquire().await?, filter).await
}

/// One job in any state, with its arguments and result; [`Error::UnknownJob`] when it does not exist.
pub async fn job(pool: &PgPool, id: &JobId) -> Result<JobRow, Error> {
    db::inspect::get(&mut *pool.acquire().await?, id).await
}

/// Why a job is not running, or where it runs, or how it ended: the most important reason first.
///
/// Cheap on any backlog: it reads by index, and counts at most 10,000 of the jobs before this one.
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
/// [`Error::UnknownJob`] when the job does not exist, or its history is gone.
pub async fn explain(pool: &PgPool, id: &JobId) -> Result<Vec<Reason>, Error> {
    db::explain::explain(&mut *pool.acquire().await?, id).await
}

/// How far the runs of a job are, or were: the newest report of each run that made one
/// ([`Job::progress`](crate::Job::progress)), in the order of the runs; empty when none did, or the job is
/// unknown.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// if let Some(progress) = pgjobs::inspect::progress(&pool, &id).await?.last() {
///     println!("{} of {:?}", progress.done, progress.total);
/// }
/// # Ok(()) }
/// ```
pub async fn progress(pool: &PgPool, id: &JobId) -> Result<Vec<Progress>, Error> {
    db::progress::progress(&mut *pool.acquire().await?, id).await
}

/// Lines that the runs of a job logged (`pgjobs::logs`), in order: the first `num` after a position, or the
/// last ones if it is `None`. Give the position of the last line that you have to follow a job, and 0 to
/// begin.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// for line in pgjobs::inspect::log(&pool, &id, Some(0), 1000).await? {
///     println!("{} {} {}", line.at, line.level, line.message);
/// }
/// # Ok(()) }
/// ```
pub async fn log(pool: &PgPool, id: &JobId, after: Option<i64>, num: u16) -> Result<Vec<LogLine>, Error> {
    db::progress::log(&mut *pool.acquire().await?, id, after, num).await
}

/// What a job has recorded, in that order: steps, sleeps and signals; without their values. Empty for a job
/// that is not known. Of a job that succeeded nothing is left.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// for step in pgjobs::inspect::steps(&pool, &id).await? {
///     println!("{} {} {}", step.kind, step.name, step.state);
/// }
/// # Ok(()) }
/// ```
pub async fn steps(pool: &PgPool, id: &JobId) -> Result<Vec<StepRow>, Error> {
    db::steps::steps(&mut *pool.acquire().await?, id).await
}

/// Tasks that workers declared, and undeclared ones that have ready jobs.
pub async fn tasks(pool: &PgPool) -> Result<Vec<TaskRow>, Error> {
    db::inspect::tasks(&mut *pool.acquire().await?).await
}

/// As [`tasks`], without the schemas: they may be large, and a list does not show them.
#[cfg(feature = "cli")]
pub(crate) async fn signatures(pool: &PgPool) -> Result<Vec<TaskRow>, Error> {
    db::inspect::signatures(&mut *pool.acquire().await?).await
}

/// The registered workers, with the number of jobs in flight at each.
pub async fn workers(pool: &PgPool) -> Result<Vec<WorkerRow>, Error> {
    db::inspect::workers(&mut *pool.acquire().await?).await
}

/// The unique keys that jobs hold under a topic, in order, at most `limit`; for administrators, because keys
/// contain arguments.
pub async fn unique_keys(pool: &PgPool, topic: &Topic, limit: u16) -> Result<Vec<UniqueKeyRow>, Error> {
    db::inspect::unique_keys(&mut *pool.acquire().await?, topic, limit).await
}

/// Whether a server is draining, as [`admin::set_draining`](crate::admin::set_draining) said; `None`: it is
/// not.
pub async fn draining(pool: &PgPool) -> Result<Option<Draining>, Error> {
    db::server_state::draining(&mut *pool.acquire().await?).await
}

/// The topics that are paused now, in their order.
pub async fn pauses(pool: &PgPool) -> Result<Vec<PauseRow>, Error> {
    db::pause::pauses(&mut *pool.acquire().await?).await
}

/// What is wrong with this installation, and what fixes it, errors first; empty when nothing is.
///
/// For a health check, a metric or a page; `pgjobs doctor` prints it. It is the work of the database, so that
/// it needs no live worker, and takes a fraction of a second on any backlog. `docs/src/doctor.md` lists the
/// kinds with their limits. For a member of `jobs_reader` or `jobs_admin`.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::inspect::{self, Severity};
///
/// let problems = inspect::problems(&pool).await?;
/// for problem in &problems {
///     println!("{}: {}; {}", problem.code, problem.message, problem.remedy);
/// }
/// let is_healthy = problems.iter().all(|problem| problem.severity != Severity::Error);
/// # Ok(()) }
/// ```
pub async fn problems(pool: &PgPool) -> Result<Vec<Problem>, Error> {
    db::problems::problems(&mut *pool.acquire().await?).await
}

/// The number of jobs in a state under a topic; counting stops at a million.
pub async fn count(pool: &PgPool, state: JobState, topic: &Topic) -> Result<i64, Error> {
    db::admin::count(&mut *pool.acquire().await?, state, topic).await
}

/// What ended under a topic (`None`: any) from a time to now, in about a hundred steps, the oldest first:
/// numbers, and how long the jobs waited and ran. For charts: it reads statistics, not jobs, so a month costs
/// what an hour costs.
///
/// Empty numbers until somebody asked for statistics:
/// [`admin::keep_statistics`](crate::admin::keep_statistics), or a look at the dashboard. The last ten
/// seconds are missing. Kept for 30 days.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, hour_ago: chrono::DateTime<chrono::Utc>) -> Result<(), pgjobs::Error> {
/// for step in pgjobs::inspect::statistics(&pool, None, hour_ago).await? {
///     println!("{}: {} succeeded, {} failed", step.at, step.success, step.failed);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT400` for a time to come, or one more than 400 days ago.
pub async fn statistics(
    pool: &PgPool,
    topic: Option<&Topic>,
    from: DateTime<Utc>,
) -> Result<Vec<StatisticsRow>, Error> {
    let topic = topic.map(Topic::as_str);
    db::statistics::statistics(&mut *pool.acquire().await?, topic, Some(from), None, None).await
}

/// The same for each task under a topic and the whole time at once.
///
/// # Errors
/// As [`statistics`].
pub async fn task_statistics(
    pool: &PgPool,
    topic: Option<&Topic>,
    from: DateTime<Utc>,
) -> Result<Vec<TaskStatistics>, Error> {
    let topic = topic.map(Topic::as_str);
    db::statistics::of_tasks(&mut *pool.acquire().await?, topic, Some(from), None).await
}

/// The errors of failed jobs that ended since a time, grouped by what they have in common, the largest groups
/// first, at most `limit`; among the newest 100,000 failed jobs. For administrators: errors may have
/// arguments in them.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, yesterday: chrono::DateTime<chrono::Utc>) -> Result<(), pgjobs::Error> {
/// for group in pgjobs::inspect::errors(&pool, None, yesterday, 10).await? {
///     println!("{} × {}: {}", group.jobs, group.task, group.error);
/// }
/// # Ok(()) }
/// ```
pub async fn errors(
    pool: &PgPool,
    topic: Option<&Topic>,
    since: DateTime<Utc>,
    limit: u16,
) -> Result<Vec<ErrorGroup>, Error> {
    let topic = topic.map(Topic::as_str);
    db::statistics::errors(&mut *pool.acquire().await?, topic, Some(since), i32::from(limit), 100_000).await
}

/// How old is what the server of this pool shows, if it is a standby; `None` of a primary.
///
/// ```no_run
/// # async fn f(standby: &sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// if let Some(lag) = pgjobs::inspect::standby(standby).await? {
///     println!("{} s old, {} bytes to replay", lag.seconds, lag.bytes);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of the database; a schema of an older release has no such function.
pub async fn standby(pool: &PgPool) -> Result<Option<Standby>, Error> {
    db::standby::standby(&mut *pool.acquire().await?).await
}

/// How the database and its server are, as one JSON object: sizes, dead rows, connections, and who keeps old
/// snapshots. `docs/src/sql.md` has its fields at `jobs.server_health()`.
pub async fn server_health(pool: &PgPool) -> Result<Box<RawValue>, Error> {
    db::statistics::server_health(&mut *pool.acquire().await?).await
}
