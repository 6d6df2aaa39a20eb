//! SQL calls for operators: cancel, retry, purge, count; operations, edits, records.

pub(crate) mod edit;
pub(crate) mod operation;
pub(crate) mod records;

use sqlx::{Connection, PgConnection, Row};

use super::chunk::{Chunk, chunks};
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::topic::Topic;

/// The ids that a statement returns for these jobs. All statements run in one transaction: all or nothing.
async fn ids(
    connection: &mut PgConnection,
    sql: &'static str,
    jobs: &[JobId],
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    let mut found = Vec::new();
    let mut tx = connection.begin().await?;
    for chunk in chunks(jobs, |job| job.as_str().len()) {
        found.extend(some(&mut tx, sql, chunk, reason).await?);
    }
    tx.commit().await?;
    Ok(found)
}

async fn some(
    connection: &mut PgConnection,
    sql: &'static str,
    jobs: Chunk<'_, JobId>,
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    let jobs: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
    let mut query = sqlx::query(sql).bind(jobs);
    if sql.contains("$2") {
        query = query.bind(reason);
    }
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(JobId::from_database(row.try_get(0)?))).collect()
}

pub(crate) async fn cancel(connection: &mut PgConnection, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
    ids(connection, "select c from jobs.cancel($1) c", jobs, None).await
}

pub(crate) async fn retry(
    connection: &mut PgConnection,
    jobs: &[JobId],
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    ids(connection, "select r from jobs.retry($1, $2) r", jobs, reason).await
}

pub(crate) async fn purge(connection: &mut PgConnection, topic: &Topic, limit: i32) -> Result<i64, Error> {
    let row = sqlx::query("select jobs.purge($1, $2)")
        .bind(topic.as_str())
        .bind(limit)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

pub(crate) async fn count(
    connection: &mut PgConnection,
    state: JobState,
    topic: &Topic,
) -> Result<i64, Error> {
    let row = sqlx::query("select jobs.count($1, $2)")
        .bind(state.as_str())
        .bind(topic.as_str())
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}
