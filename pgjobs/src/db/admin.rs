//! SQL calls for operators: cancel, retry, purge, count; operations, edits, records.

pub(crate) mod edit;
pub(crate) mod operation;
pub(crate) mod records;
pub(crate) mod workflow;

use std::time::Duration;

use sqlx::{PgConnection, Row};

use super::chunk::{Chunk, chunks};
use crate::db::transaction;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::topic::Topic;

/// What is done to jobs that are named.
enum Change {
    Cancel { grace: Duration },
    Retry,
}

/// The ids of the jobs that were changed. All statements run in one transaction: all or nothing.
async fn change(
    connection: &mut PgConnection,
    change: Change,
    jobs: &[JobId],
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    let mut found = Vec::new();
    let mut tx = transaction::begin(connection).await?;
    for chunk in chunks(jobs, |job| job.as_str().len()) {
        found.extend(change_some(&mut tx, &change, chunk, reason).await?);
    }
    tx.commit().await?;
    Ok(found)
}

async fn change_some(
    connection: &mut PgConnection,
    change: &Change,
    jobs: Chunk<'_, JobId>,
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    let jobs: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
    let call = match change {
        Change::Cancel { grace } => {
            let cancel =
                sqlx::query("select c from jobs.cancel($1, i_reason => $2, i_grace_seconds => $3) c");
            cancel.bind(jobs).bind(reason).bind(grace.as_secs_f64())
        }
        Change::Retry => sqlx::query("select r from jobs.retry($1, $2) r").bind(jobs).bind(reason),
    };
    let rows = call.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(JobId::from_database(row.try_get(0)?))).collect()
}

pub(crate) async fn cancel(
    connection: &mut PgConnection,
    jobs: &[JobId],
    grace: Duration,
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    change(connection, Change::Cancel { grace }, jobs, reason).await
}

pub(crate) async fn retry(
    connection: &mut PgConnection,
    jobs: &[JobId],
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    change(connection, Change::Retry, jobs, reason).await
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
