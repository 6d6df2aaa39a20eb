//! SQL calls that change or re-drive single jobs.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};

use crate::types::error::Error;
use crate::types::job_id::JobId;

/// What became of a job that was to be re-driven.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Redriven {
    /// The job that failed.
    pub job_id: JobId,
    /// The new job; `None` when it was skipped.
    pub new_job_id: Option<JobId>,
    /// Why it was skipped.
    pub skipped: Option<String>,
}

const REDRIVE: &str = "select r.job_id, r.new_job_id, r.skipped from jobs.redrive($1, $2) r";

/// Re-drives up to a thousand jobs.
pub(crate) async fn redrive(
    connection: &mut PgConnection,
    jobs: &[JobId],
    reason: Option<&str>,
) -> Result<Vec<Redriven>, Error> {
    let ids: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
    let rows = sqlx::query(REDRIVE).bind(ids).bind(reason).fetch_all(connection).await?;
    let redriven = |row: &PgRow| {
        Ok(Redriven {
            job_id: JobId::from_database(row.try_get(0)?),
            new_job_id: row.try_get::<Option<String>, _>(1)?.map(JobId::from_database),
            skipped: row.try_get(2)?,
        })
    };
    rows.iter().map(redriven).collect()
}

/// What `jobs.edit` sets; `None` stays.
#[derive(Default)]
pub(crate) struct Changes<'a> {
    pub(crate) body: Option<&'a str>,
    pub(crate) priority: Option<i32>,
    pub(crate) scheduled_at: Option<DateTime<Utc>>,
    pub(crate) timeout: Option<f64>,
    pub(crate) max_retries: Option<i32>,
    pub(crate) meta: Option<&'a str>,
}

const EDIT: &str = "select from jobs.edit($1, $2::jsonb, $3, $4, $5::float8::numeric, $6, $7::jsonb, $8)";

pub(crate) async fn edit(
    database: impl PgExecutor<'_>,
    job: &JobId,
    changes: &Changes<'_>,
    reason: Option<&str>,
) -> Result<(), Error> {
    sqlx::query(EDIT)
        .bind(job.as_str())
        .bind(changes.body)
        .bind(changes.priority)
        .bind(changes.scheduled_at)
        .bind(changes.timeout)
        .bind(changes.max_retries)
        .bind(changes.meta)
        .bind(reason)
        .execute(database)
        .await?;
    Ok(())
}
