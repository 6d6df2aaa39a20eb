//! Operations on jobs for an operator: cancel, retry, purge.
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
