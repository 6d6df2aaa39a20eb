//! What an operator does to jobs: cancel, retry, purge.
//!
//! Each function fails with [`Error::Database`] when the server cannot be asked.

use sqlx::PgPool;

use crate::db;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::topic::Topic;

/// Ends pending and running jobs as cancelled, and returns those that it found.
///
/// A pending job never runs. The code of a running one is not interrupted, but its lease is gone:
/// whatever it reports is refused.
pub async fn cancel(pool: &PgPool, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
    db::admin::cancel(&mut *pool.acquire().await?, jobs).await
}

/// Puts failed and cancelled jobs back in line, with all their runs before them, and returns those
/// that it found.
pub async fn retry(pool: &PgPool, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
    db::admin::retry(&mut *pool.acquire().await?, jobs).await
}

/// Deletes up to `limit` pending jobs under a topic for good, and returns how many; call it again
/// until it returns 0.
pub async fn purge(pool: &PgPool, topic: &Topic, limit: u16) -> Result<u64, Error> {
    let purged = db::admin::purge(&mut *pool.acquire().await?, topic, i32::from(limit)).await?;
    Ok(purged.unsigned_abs())
}
