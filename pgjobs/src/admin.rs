//! Operations on jobs for an operator: cancel, retry, purge, and taking a unique key away.
//!
//! Each function returns [`Error::Database`] when its query fails.

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
