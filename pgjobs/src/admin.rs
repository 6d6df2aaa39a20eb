//! Operations for an operator: cancel, retry and purge jobs, pause topics, take a unique key away.
//!
//! Each function returns [`Error::Database`] when its query fails.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::db;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::topic::Topic;

/// Cancels pending and running jobs, and returns the ids of those that it found.
///
/// A pending job never runs. The code of a running job is not interrupted, but its lease is gone: the
/// database rejects its outcome.
pub async fn cancel(pool: &PgPool, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
    db::admin::cancel(&mut *pool.acquire().await?, jobs).await
}

/// Requeues failed and cancelled jobs, with all their runs available again, and returns the ids of those that
/// it found.
pub async fn retry(pool: &PgPool, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
    db::admin::retry(&mut *pool.acquire().await?, jobs).await
}

/// Deletes up to `limit` pending jobs under a topic permanently, and returns how many; call it again until it
/// returns 0.
pub async fn purge(pool: &PgPool, topic: &Topic, limit: u16) -> Result<u64, Error> {
    let purged = db::admin::purge(&mut *pool.acquire().await?, topic, i32::from(limit)).await?;
    Ok(purged.unsigned_abs())
}

/// Pauses the tasks under a topic: none of their jobs is claimed until [`resume_topic`], or until `until`.
///
/// The jobs stay where they are in the queue, and publishing goes on; what runs, or was claimed ahead by a
/// worker, goes on as well. `note` says why, for whoever finds the topic paused
/// ([`inspect::pauses`](crate::inspect::pauses), [`inspect::explain`](crate::inspect::explain)); at most 1,000
/// characters. Of a topic that is paused this changes time and note.
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

/// Lets the jobs of a paused topic be claimed again; `false` when exactly this topic was not paused. Another
/// topic that covers the same tasks may be paused still.
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
