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
//! The database user needs the role `jobs_reader`, for [`log`] `jobs_worker`, and `jobs_admin` for [`jobs`],
//! [`job`], [`tasks`], [`unique_keys`], [`errors`] and [`node_results`], which may show arguments, results
//! and errors. A role that is restricted to topics sees jobs of its tasks only.
//!
//! Each function returns [`Error::Database`] when its query fails. An invalid value in one row never hides
//! other rows: bodies and results are returned as the text that the database writes, and only for a single
//! job.

mod history;
mod server;
mod workflows;

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
pub use history::{ended_lately, errors, statistics, task_statistics};
pub use server::{draining, server_health, standby};
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) use workflows::waits;
pub use workflows::{explain_workflow, node_results, workflow, workflow_nodes, workflows};

/// The number of jobs of each task in each state, in the order of the tasks' names. Cheap on any backlog,
/// since it counts at most 100,000 rows of each kind, of ended jobs the newest ([`exact`](TaskCounts::exact)
/// is false when there may be more).
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for counts in pgjobs::inspect::overview(&pool).await? {
///     let at_least = if counts.exact { "" } else { "at least " };
///     println!("{}: {at_least}{} ready, since {:?}", counts.task, counts.ready, counts.oldest_ready);
/// }
/// # Ok(()) }
/// ```
pub async fn overview(pool: &PgPool) -> Result<Vec<TaskCounts>, Error> {
    db::inspect::overview(&mut *pool.acquire().await?, 100_000).await
}

/// As [`overview`], with another cap: the less is counted, the less it costs.
#[cfg(feature = "top")]
pub(crate) async fn overview_up_to(pool: &PgPool, cap: i32) -> Result<Vec<TaskCounts>, Error> {
    db::inspect::overview(&mut *pool.acquire().await?, cap).await
}

/// A page of jobs, newest first, without their arguments and results, which [`job`] returns.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::inspect::{self, JobFilter};
///
/// let mut filter = JobFilter { topic: Some("mail.*".parse()?), num: 200, ..JobFilter::default() };
/// loop {
///     let page = inspect::jobs(&pool, &filter).await?;
///     page.iter().for_each(|job| println!("{} {}", job.job_id, job.state));
///     let Some(last) = page.last() else { break };
///     filter.before = Some(last.job_id.clone()); // the next page
/// }
/// # Ok(()) }
/// ```
pub async fn jobs(pool: &PgPool, filter: &JobFilter) -> Result<Vec<JobRow>, Error> {
    db::inspect::find(&mut *pool.acquire().await?, filter).await
}

/// One job in any state, with its arguments and result, but without what its task declares as sensitive.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// use pgjobs::{Error, inspect};
///
/// match inspect::job(&pool, &id).await {
///     Ok(job) => println!("{} is {} in attempt {}: {:?}", job.task, job.state, job.attempt, job.result),
///     Err(Error::UnknownJob(id)) => println!("{id} was never published, or its history is gone"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::UnknownJob`] when it does not exist, or its history is gone.
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

/// Tasks that workers declared, and undeclared ones that have ready jobs, in the order of their names.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for task in pgjobs::inspect::tasks(&pool).await?.iter().filter(|task| task.workers == 0) {
///     println!("no living worker has {}; was it ever declared? {}", task.name, task.declared);
/// }
/// # Ok(()) }
/// ```
pub async fn tasks(pool: &PgPool) -> Result<Vec<TaskRow>, Error> {
    db::inspect::tasks(&mut *pool.acquire().await?).await
}

/// As [`tasks`], without the schemas: they may be large, and a list does not show them.
#[cfg(feature = "cli")]
pub(crate) async fn signatures(pool: &PgPool) -> Result<Vec<TaskRow>, Error> {
    db::inspect::signatures(&mut *pool.acquire().await?).await
}

/// The registered workers in the order of their starts, with the number of jobs in flight at each. One that
/// died is among them until its jobs have been given to others, as not [`alive`](WorkerRow::alive).
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for worker in pgjobs::inspect::workers(&pool).await?.iter().filter(|worker| worker.alive) {
///     println!("{} on {}: {} jobs, {} slots", worker.id, worker.host, worker.held, worker.slots);
/// }
/// # Ok(()) }
/// ```
pub async fn workers(pool: &PgPool) -> Result<Vec<WorkerRow>, Error> {
    db::inspect::workers(&mut *pool.acquire().await?).await
}

/// The unique keys that jobs hold under a topic, in order, at most `limit`; for administrators, because keys
/// contain arguments. [`admin::release_unique_key`](crate::admin::release_unique_key) takes one away.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for key in pgjobs::inspect::unique_keys(&pool, &"billing.*".parse()?, 100).await? {
///     println!("{} {}: held by job {} until {:?}", key.name, key.key, key.job_id, key.until);
/// }
/// # Ok(()) }
/// ```
pub async fn unique_keys(pool: &PgPool, topic: &Topic, limit: u16) -> Result<Vec<UniqueKeyRow>, Error> {
    db::inspect::unique_keys(&mut *pool.acquire().await?, topic, limit).await
}

/// The topics that are paused now ([`admin::pause_topic`](crate::admin::pause_topic)), in their order.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for pause in pgjobs::inspect::pauses(&pool).await? {
///     println!("{} by {}, until {:?}: {:?}", pause.topic, pause.paused_by, pause.until, pause.note);
/// }
/// # Ok(()) }
/// ```
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
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{JobState, inspect};
///
/// let open = inspect::count(&pool, JobState::Pending, &"mail.*".parse()?).await?;
/// println!("a purge would delete {open} mails");
/// # Ok(()) }
/// ```
pub async fn count(pool: &PgPool, state: JobState, topic: &Topic) -> Result<i64, Error> {
    db::admin::count(&mut *pool.acquire().await?, state, topic).await
}
