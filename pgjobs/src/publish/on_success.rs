//! Publishes jobs together with the success of the run that asked for them.

use serde_json::value::RawValue;
use sqlx::PgPool;

use super::publisher::insert;
use super::tx::tell;
use crate::db::pooler::Statements;
use crate::db::transaction;
use crate::task::job::Job;
use crate::types::error::Error;

/// Publishes what a run has kept for its success, and ends its job as a success, in one transaction.
///
/// # Errors
/// Those of publishing, and [`Error::LeaseLost`]; then nothing was done.
pub(crate) async fn finish_with_jobs(pool: &PgPool, job: &Job, result: &RawValue) -> Result<(), Error> {
    let requests = job.take_published();
    let mut tx = transaction::begin_on(pool).await?;
    let published = insert(&mut tx, &requests, Statements::of(pool)).await?;
    job.finish(&mut tx, result).await?;
    tx.commit().await?;
    tell(&requests, published);
    Ok(())
}
