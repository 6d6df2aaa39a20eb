//! The number of jobs in each state, by task.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::db::read::maybe_time;
use crate::types::error::Error;

/// The number of jobs of one task in each state.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct TaskCounts {
    /// The task.
    pub task: String,
    /// Pending, and due.
    pub ready: i64,
    /// Pending, and not due yet.
    pub scheduled: i64,
    /// Claimed by a worker and not yet settled.
    pub running: i64,
    /// Ended with a result.
    pub success: i64,
    /// Ended without a result.
    pub failed: i64,
    /// Cancelled by request.
    pub cancelled: i64,
    /// When the oldest ready job was published.
    pub oldest_ready: Option<DateTime<Utc>>,
    /// Whether each count is exact; otherwise counting stopped at a cap, and there may be more.
    pub exact: bool,
}

const OVERVIEW: &str = "select o.task, o.ready, o.scheduled, o.running, o.success, o.failed, o.cancelled, \
     o.oldest_ready, o.exact from jobs.overview($1) o";
/// How many jobs of a task ended lately, by how they ended.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct EndedLately {
    /// The task.
    pub task: String,
    /// With a result.
    pub success: i64,
    /// Without one, for good.
    pub failed: i64,
    /// By request.
    pub cancelled: i64,
    /// Over how many seconds they were counted, greater than 0: those that were asked for, or fewer where
    /// more jobs ended than are counted, and just after midnight (UTC).
    pub seconds: f64,
}

impl EndedLately {
    /// How many ended in a second.
    pub fn per_second(&self) -> f64 {
        self.success.saturating_add(self.failed).saturating_add(self.cancelled) as f64 / self.seconds
    }

    /// How many failed in a second.
    pub fn failed_per_second(&self) -> f64 {
        self.failed as f64 / self.seconds
    }
}

/// What ended in the last so many seconds.
pub(crate) async fn ended_lately(
    connection: &mut PgConnection,
    seconds: u32,
) -> Result<Vec<EndedLately>, Error> {
    let query = "select e.task, e.success, e.failed, e.cancelled, e.seconds from jobs.ended_lately($1) e";
    let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
    let rows = sqlx::query(query).bind(seconds).fetch_all(connection).await?;
    let ended = |row: &PgRow| {
        Ok(EndedLately {
            task: row.try_get(0)?,
            success: row.try_get(1)?,
            failed: row.try_get(2)?,
            cancelled: row.try_get(3)?,
            seconds: row.try_get(4)?,
        })
    };
    rows.iter().map(ended).collect()
}

/// How many jobs of these tasks have ended as failed since then because the worker that ran them was lost,
/// not by a reported outcome. Jobs of tasks that keep no failed jobs are not counted.
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

/// The current time of the database.
#[cfg(feature = "cli")]
pub(crate) async fn now(connection: &mut PgConnection) -> Result<DateTime<Utc>, Error> {
    let row = sqlx::query("select jobs.now()").fetch_one(connection).await?;
    crate::db::read::time(&row, 0)
}

/// `cap`: how many rows of each kind are counted.
pub(crate) async fn overview(connection: &mut PgConnection, cap: i32) -> Result<Vec<TaskCounts>, Error> {
    let rows = sqlx::query(OVERVIEW).bind(cap).fetch_all(connection).await?;
    let counts = |row: &PgRow| {
        Ok(TaskCounts {
            // Null for a run that is null, which a client with rights on the table may have written.
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
