//! What an operator does to jobs: cancel, retry, re-drive, edit, purge; one by one, or all that match as an
//! [`Operation`]. Also rules for keeping history, the audit, pauses of topics, and taking a unique key away.
//!
//! Each function returns [`Error::Database`] when its query fails. Most need the role `jobs_admin`.

mod cancel;
mod edit;
mod operation;
mod workflow;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

use crate::db;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::topic::Topic;

pub use crate::db::admin::edit::Redriven;
pub use crate::db::admin::records::{AuditFilter, AuditRow, KeepRule};
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) use cancel::GRACE;
pub use cancel::{Cancel, cancel};
pub use edit::Edit;
pub use operation::{
    Operation, OperationRow, Preview, cancel_operation, operation, operations, pause_operation,
    resume_operation, step_operation,
};
pub use workflow::{cancel_workflow, retry_workflow};

/// Requeues failed and cancelled jobs, with all their runs available again, and returns the ids of those that
/// it found.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{JobId, admin};
///
/// let ids: Vec<JobId> = vec!["0199d1f2a4b07c3e8f5a6b7c8d9e0f12".parse()?];
/// let back = admin::retry(&pool, &ids).await?;
/// println!("{} of {} run again", back.len(), ids.len());
/// # Ok(()) }
/// ```
pub async fn retry(pool: &PgPool, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
    db::admin::retry(&mut *pool.acquire().await?, jobs, None).await
}

/// Deletes up to `limit` pending jobs under a topic permanently, and returns how many; call it again until it
/// returns 0.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let mail = "mail.*".parse()?;
/// while pgjobs::admin::purge(&pool, &mail, 1000).await? > 0 {}
/// # Ok(()) }
/// ```
pub async fn purge(pool: &PgPool, topic: &Topic, limit: u16) -> Result<u64, Error> {
    let purged = db::admin::purge(&mut *pool.acquire().await?, topic, i32::from(limit)).await?;
    Ok(purged.unsigned_abs())
}

/// Pauses the tasks under a topic: none of their jobs is claimed until [`resume_topic`], or until `until`.
///
/// The jobs stay where they are in the queue, and publishing goes on; what runs, or was claimed ahead by a
/// worker, goes on as well. `note` says why, for whoever finds the topic paused
/// ([`inspect::pauses`](crate::inspect::pauses), [`inspect::explain`](crate::inspect::explain)); at most
/// 1,000 characters. Of a topic that is paused this changes time and note.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{Topic, admin};
///
/// let mail: Topic = "mail.*".parse()?;
/// admin::pause_topic(&pool, &mail, None, Some("the mail server moves")).await?;
/// // …
/// admin::resume_topic(&pool, &mail).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Option`] for a time that is over, or a note that is too long.
pub async fn pause_topic(
    pool: &PgPool,
    topic: &Topic,
    until: Option<DateTime<Utc>>,
    note: Option<&str>,
) -> Result<(), Error> {
    db::pause::pause(&mut *pool.acquire().await?, topic, until, note).await
}

/// Says that a server is draining: of several servers, it is to get no new keys any more, because it will be
/// removed. Returns whether that was otherwise before.
///
/// [`Shards`](crate::Shards) route around it from their next look on. Nothing else changes: a publish that is
/// sent to it all the same is taken, and workers run what it has. `note` says why, in at most 1,000
/// characters, for [`inspect::draining`](crate::inspect::draining).
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// pgjobs::admin::set_draining(&pool, true, Some("its machine goes in May")).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT400` for a longer note.
pub async fn set_draining(pool: &PgPool, draining: bool, note: Option<&str>) -> Result<bool, Error> {
    db::server_state::set_draining(&mut *pool.acquire().await?, draining, note).await
}

/// Lets the jobs of a paused topic be claimed again; `false` when exactly this topic was not paused. Another
/// topic that covers the same tasks may be paused still.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{admin, inspect};
///
/// if !admin::resume_topic(&pool, &"mail.*".parse()?).await? {
///     println!("it was not paused; paused are {:?}", inspect::pauses(&pool).await?);
/// }
/// # Ok(()) }
/// ```
pub async fn resume_topic(pool: &PgPool, topic: &Topic) -> Result<bool, Error> {
    db::pause::resume(&mut *pool.acquire().await?, topic).await
}

/// Takes a unique key away from the job that holds it, and returns that job's id: another job may then be
/// published under the key, beside this one, which goes on. Name and key are those of
/// [`inspect::unique_keys`](crate::inspect::unique_keys).
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let holder = pgjobs::admin::release_unique_key(&pool, "billing.invoice", "[7]").await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when no job holds the key.
pub async fn release_unique_key(pool: &PgPool, name: &str, key: &str) -> Result<JobId, Error> {
    db::inspect::release_unique_key(&mut *pool.acquire().await?, name, key).await
}

/// Publishes failed or cancelled jobs anew, as new jobs with the same arguments, options and notes, due at
/// once. Says of each what became of it.
///
/// Their arguments are validated against what the tasks are now, and a job that had a unique key takes it
/// again; jobs for which this fails are skipped. A job is re-driven once: its row in history names the new
/// job, which may be re-driven in turn. [`Job::origin`](crate::Job::origin) is the first job of the chain.
/// Unlike this, [`retry`] keeps the id and takes the job out of history.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// for job in pgjobs::admin::redrive(&pool, &[id], Some("the relay is back")).await? {
///     println!("{}: {:?} {:?}", job.job_id, job.new_job_id, job.skipped);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT413` for more than 1000 jobs; [`Operation::redrive`] takes any number.
pub async fn redrive(pool: &PgPool, jobs: &[JobId], reason: Option<&str>) -> Result<Vec<Redriven>, Error> {
    db::admin::edit::redrive(&mut *pool.acquire().await?, jobs, reason).await
}

/// Keeps statistics of what ends, or no longer; says whether that changed anything. Without them charts are
/// empty ([`inspect::statistics`](crate::inspect::statistics)). Workers count what history has of the last 30
/// days within minutes, and then what ends; that takes about 2 µs of the server for each job.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// pgjobs::admin::keep_statistics(&pool, true).await?;
/// # Ok(()) }
/// ```
pub async fn keep_statistics(pool: &PgPool, on: bool) -> Result<bool, Error> {
    db::statistics::keep(&mut *pool.acquire().await?, on).await
}

/// What people did, newest first: to jobs, operations, schedules and rights. Kept for a year. Details may
/// have arguments of jobs.
///
/// ```no_run
/// use pgjobs::admin::{self, AuditFilter};
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for row in admin::audit(&pool, &AuditFilter { num: 10, ..AuditFilter::default() }).await? {
///     println!("{} {} {:?} by {}", row.at, row.action, row.target, row.who);
/// }
/// # Ok(()) }
/// ```
pub async fn audit(pool: &PgPool, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
    db::admin::records::audit(&mut *pool.acquire().await?, filter).await
}

/// Keeps ended jobs under a topic for so many days only, those that ended in a state (`None`: in any). Of
/// several rules for a job that with the longest topic decides, and of two with one topic that for its state.
/// What is over is deleted by workers, some at a time.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{JobState, admin};
///
/// // Successes of the mails a day, failures as long as everything else.
/// admin::keep(&pool, &"mail.*".parse()?, Some(JobState::Success), 1).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT400` for more days than `jobs.config.history_days`, after which all of history
/// is dropped.
pub async fn keep(
    database: impl PgExecutor<'_>,
    topic: &Topic,
    state: Option<JobState>,
    days: u16,
) -> Result<(), Error> {
    db::admin::records::keep(database, topic, state, i32::from(days)).await
}

/// Removes the rule of [`keep`] that was made for this topic and state, `None` for the one for any state;
/// `false` when there was none. What it has deleted stays deleted.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{JobState, admin};
///
/// // From now on successes of the mails are kept as long as everything else.
/// let was_there = admin::drop_keep(&pool, &"mail.*".parse()?, Some(JobState::Success)).await?;
/// # Ok(()) }
/// ```
pub async fn drop_keep(
    database: impl PgExecutor<'_>,
    topic: &Topic,
    state: Option<JobState>,
) -> Result<bool, Error> {
    db::admin::records::drop_keep(database, topic, state).await
}

/// The rules of [`keep`], those that decide first first.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for rule in pgjobs::admin::keep_rules(&pool).await? {
///     println!("{rule:?}");
/// }
/// # Ok(()) }
/// ```
pub async fn keep_rules(pool: &PgPool) -> Result<Vec<KeepRule>, Error> {
    db::admin::records::keep_rules(&mut *pool.acquire().await?).await
}
