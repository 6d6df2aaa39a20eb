//! Claiming a batch of jobs for a worker.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::Error;
use crate::job_id::JobId;

const CLAIM: &str = "select c.job_id, c.task, c.body, c.retries, c.max_retries, c.priority, c.timeout, \
     c.created_at, c.run_at, c.attempt, c.lease from jobs.claim($1, $2, $3, $4, $5, $6) c";

pub(crate) struct Claim<'a> {
    pub(crate) worker: Uuid,
    pub(crate) tasks: &'a [String],
    pub(crate) num: i32,
    /// Random, and known before the answer comes: see [`unclaim`].
    pub(crate) lease: Uuid,
    /// How long the lease outlasts the job's timeout, so that the worker ends a run before the server does.
    pub(crate) margin: Duration,
    /// How long the caller will sleep if it gets nothing; none: it does not listen.
    pub(crate) sleep: Option<Duration>,
}

/// A job under a fresh lease.
pub(crate) struct Claimed {
    pub(crate) id: JobId,
    pub(crate) task: String,
    pub(crate) body: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) retries: i32,
    pub(crate) max_retries: i32,
    pub(crate) priority: i32,
    pub(crate) timeout: Duration,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) lease: Uuid,
}

pub(crate) async fn claim(connection: &mut PgConnection, claim: &Claim<'_>) -> Result<Vec<Claimed>, Error> {
    let rows = sqlx::query(CLAIM)
        .bind(claim.worker)
        .bind(claim.tasks)
        .bind(claim.num)
        .bind(claim.lease)
        .bind(claim.margin.as_secs_f64())
        .bind(claim.sleep.map(|s| s.as_secs_f64()))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(claimed(row)?)).collect()
}

fn claimed(row: &PgRow) -> Result<Claimed, sqlx::Error> {
    Ok(Claimed {
        id: JobId::from_database(row.try_get(0)?),
        task: row.try_get(1)?,
        body: row.try_get(2)?,
        retries: row.try_get(3)?,
        max_retries: row.try_get(4)?,
        priority: row.try_get(5)?,
        timeout: Duration::try_from_secs_f64(row.try_get(6)?).unwrap_or(Duration::from_secs(60)),
        created_at: row.try_get(7)?,
        run_at: row.try_get(8)?,
        attempt: row.try_get(9)?,
        lease: row.try_get(10)?,
    })
}

/// Gives back what a claim took whose answer never came; returns how many jobs that were.
pub(crate) async fn unclaim(connection: &mut PgConnection, worker: Uuid, lease: Uuid) -> Result<i32, Error> {
    let row =
        sqlx::query("select jobs.unclaim($1, $2)").bind(worker).bind(lease).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
