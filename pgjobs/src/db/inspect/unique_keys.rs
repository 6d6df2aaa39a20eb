//! Queries for unique keys, and taking one away.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::topic::Topic;

/// A unique key that a job holds.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct UniqueKeyRow {
    /// The task, or the name that several tasks share.
    pub name: String,
    /// The values as a JSON array, or `sha256:` and the hash of a long one. They may be arguments of the job.
    pub key: String,
    /// The job that holds it.
    pub job_id: JobId,
    /// `pending`, `running` or `ended`; `None` when nobody holds the key any more, so that the next job gets
    /// it.
    pub state: Option<String>,
    /// When the key ends by itself; `None`: with the start or the end of the job.
    pub until: Option<DateTime<Utc>>,
}

const KEYS: &str = "select u.name, u.key, u.job_id, u.state, u.until from jobs.unique_keys($1, $2) u";

pub(crate) async fn unique_keys(
    connection: &mut PgConnection,
    topic: &Topic,
    limit: u16,
) -> Result<Vec<UniqueKeyRow>, Error> {
    let rows = sqlx::query(KEYS).bind(topic.as_str()).bind(i32::from(limit)).fetch_all(connection).await?;
    let key = |row: &PgRow| {
        Ok(UniqueKeyRow {
            name: row.try_get(0)?,
            key: row.try_get(1)?,
            job_id: JobId::from_database(row.try_get(2)?),
            state: row.try_get(3)?,
            until: row.try_get(4)?,
        })
    };
    rows.iter().map(key).collect()
}

pub(crate) async fn release_unique_key(
    connection: &mut PgConnection,
    name: &str,
    key: &str,
) -> Result<JobId, Error> {
    let row = sqlx::query("select jobs.release_unique_key($1, $2)")
        .bind(name)
        .bind(key)
        .fetch_one(connection)
        .await?;
    Ok(JobId::from_database(row.try_get(0)?))
}
