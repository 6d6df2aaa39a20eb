//! How many jobs of each task stand where.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::error::Error;
use crate::sql::read::maybe_time;

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

pub(crate) async fn overview(connection: &mut PgConnection) -> Result<Vec<TaskCounts>, Error> {
    let rows = sqlx::query(OVERVIEW).fetch_all(connection).await?;
    let counts = |row: &PgRow| {
        Ok(TaskCounts {
            task: row.try_get(0)?,
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
