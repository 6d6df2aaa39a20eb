//! How many jobs of each task stand where.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::db::read::maybe_time;
use crate::types::error::Error;

/// How many jobs of one task stand where.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct TaskCounts {
    /// The task.
    pub task: String,
    /// Pending, and due.
    pub ready: i64,
    /// Pending, for later.
    pub scheduled: i64,
    /// Held by a worker.
    pub running: i64,
    /// Ended with a result.
    pub success: i64,
    /// Ended without one.
    pub failed: i64,
    /// Ended by request.
    pub cancelled: i64,
    /// When the oldest ready one was published.
    pub oldest_ready: Option<DateTime<Utc>>,
    /// Whether each of these counts is the number; else counting stopped at a cap, and there may be more.
    pub exact: bool,
}

const OVERVIEW: &str = "select o.task, o.ready, o.scheduled, o.running, o.success, o.failed, o.cancelled, \
     o.oldest_ready, o.exact from jobs.overview() o";

/// How many jobs of these tasks have ended as failed since then, not by anybody's word but with who ran them. Of tasks
/// that keep no failed jobs none are seen.
#[cfg(feature = "cli")]
pub(crate) async fn lost(
    connection: &mut PgConnection,
    tasks: &[&str],
    since: DateTime<Utc>,
) -> Result<u64, Error> {
    let lost = sqlx::query("select jobs.count_lost($1, $2)").bind(tasks).bind(since);
    let row = lost.fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
}

/// The time of the database.
#[cfg(feature = "cli")]
pub(crate) async fn now(connection: &mut PgConnection) -> Result<DateTime<Utc>, Error> {
    let row = sqlx::query("select jobs.now()").fetch_one(connection).await?;
    crate::db::read::time(&row, 0)
}

pub(crate) async fn overview(connection: &mut PgConnection) -> Result<Vec<TaskCounts>, Error> {
    let rows = sqlx::query(OVERVIEW).fetch_all(connection).await?;
    let counts = |row: &PgRow| {
        Ok(TaskCounts {
            // Of a run that is null, which a client with rights on the table may have made.
            task: row.try_get::<Option<String>, _>(0)?.unwrap_or_else(|| "(unreadable)".to_owned()),
            ready: row.try_get(1)?,
            scheduled: row.try_get(2)?,
            running: row.try_get(3)?,
            success: row.try_get(4)?,
            failed: row.try_get(5)?,
            cancelled: row.try_get(6)?,
            oldest_ready: maybe_time(row, 7)?,
            exact: row.try_get(8)?,
        })
    };
    rows.iter().map(counts).collect()
}
