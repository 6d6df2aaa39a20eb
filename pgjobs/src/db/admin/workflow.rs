//! SQL calls of operators for workflows.

use std::time::Duration;

use sqlx::{PgExecutor, Row};

use crate::types::error::Error;
use crate::types::job_id::JobId;

/// How many nodes were cancelled.
pub(crate) async fn cancel(
    database: impl PgExecutor<'_>,
    id: i64,
    node: Option<&str>,
    reason: Option<&str>,
    grace: Duration,
) -> Result<i64, Error> {
    let call = sqlx::query("select jobs.cancel_workflow($1, $2, $3, $4)").bind(id).bind(node).bind(reason);
    Ok(call.bind(grace.as_secs_f64()).fetch_one(database).await?.try_get(0)?)
}

/// The jobs that run again.
pub(crate) async fn retry(
    database: impl PgExecutor<'_>,
    id: i64,
    node: Option<&str>,
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    let call = sqlx::query("select r::text from jobs.retry_workflow($1, $2, $3) r");
    let rows = call.bind(id).bind(node).bind(reason).fetch_all(database).await?;
    rows.iter().map(|row| Ok(JobId::from_database(row.try_get(0)?))).collect()
}
