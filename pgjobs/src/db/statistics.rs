//! What ended, counted by time and task; errors in groups; how the server is.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::read::{document, time};
use crate::types::error::Error;

/// How long something took: of half of the jobs at most `p50`, of 95 of 100 at most `p95`, in seconds.
/// Estimates, off by at most 19 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// 95 of 100 jobs took at most this.
    pub p95: f64,
    /// 99 of 100 jobs took at most this.
    pub p99: f64,
}

/// What ended in a step of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatisticsRow {
    /// When the step begins; it ends where the next one begins.
    pub at: DateTime<Utc>,
    /// Jobs that succeeded.
    pub success: i64,
    /// Jobs that failed for good.
    pub failed: i64,
    /// Jobs that were cancelled.
    pub cancelled: i64,
    /// How long the last runs of these jobs had waited since they could run; `None`: none ran.
    pub wait: Option<Percentiles>,
    /// How long these runs took.
    pub run: Option<Percentiles>,
}

/// What ended of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaskStatistics {
    /// The task.
    pub task: String,
    /// Jobs that succeeded.
    pub success: i64,
    /// Jobs that failed for good.
    pub failed: i64,
    /// Jobs that were cancelled.
    pub cancelled: i64,
    /// How long the last runs of these jobs had waited since they could run; `None`: none ran.
    pub wait: Option<Percentiles>,
    /// How long these runs took.
    pub run: Option<Percentiles>,
    /// How many jobs ended in each of 24 equal parts of the time, the oldest first.
    pub ended: Vec<i64>,
}

/// Errors of failed jobs of one task that differ in numbers, ids and quoted text only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// The task.
    pub task: String,
    /// What the errors have in common, with `*` for what differs: an [`Operation`](crate::admin::Operation)
    /// takes it.
    pub error: String,
    /// Failed jobs with such an error.
    pub jobs: i64,
    /// When the first of them ended.
    pub first_at: DateTime<Utc>,
    /// When the last of them ended.
    pub last_at: DateTime<Utc>,
    /// The id of one of them.
    pub example: String,
    /// Whether all failed jobs of the time were looked at.
    pub exact: bool,
}

const STATISTICS: &str = "select s.at, s.success, s.failed, s.cancelled, s.wait_p50, s.wait_p95, s.wait_p99, s.run_p50, s.run_p95, s.run_p99 \
     from jobs.statistics($1, $2, $3, make_interval(secs => $4)) s";

pub(crate) async fn statistics(
    connection: &mut PgConnection,
    topic: Option<&str>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    step: Option<f64>,
) -> Result<Vec<StatisticsRow>, Error> {
    let call = sqlx::query(STATISTICS).bind(topic).bind(from).bind(to).bind(step);
    call.fetch_all(connection).await?.iter().map(step_row).collect()
}

fn step_row(row: &PgRow) -> Result<StatisticsRow, Error> {
    Ok(StatisticsRow {
        at: time(row, 0)?,
        success: row.try_get(1)?,
        failed: row.try_get(2)?,
        cancelled: row.try_get(3)?,
        wait: percentiles(row, 4)?,
        run: percentiles(row, 7)?,
    })
}

fn percentiles(row: &PgRow, at: usize) -> Result<Option<Percentiles>, Error> {
    let (p50, p95, p99): (Option<f64>, Option<f64>, Option<f64>) =
        (row.try_get(at)?, row.try_get(at + 1)?, row.try_get(at + 2)?);
    Ok(p50.zip(p95).zip(p99).map(|((p50, p95), p99)| Percentiles { p50, p95, p99 }))
}

const OF_TASKS: &str = "select s.task, s.success, s.failed, s.cancelled, s.wait_p50, s.wait_p95, s.wait_p99, s.run_p50, s.run_p95, s.run_p99, s.ended \
     from jobs.task_statistics($1, $2, $3) s";

pub(crate) async fn of_tasks(
    connection: &mut PgConnection,
    topic: Option<&str>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<Vec<TaskStatistics>, Error> {
    let rows = sqlx::query(OF_TASKS).bind(topic).bind(from).bind(to).fetch_all(connection).await?;
    let task = |row: &PgRow| {
        Ok(TaskStatistics {
            task: row.try_get(0)?,
            success: row.try_get(1)?,
            failed: row.try_get(2)?,
            cancelled: row.try_get(3)?,
            wait: percentiles(row, 4)?,
            run: percentiles(row, 7)?,
            ended: row.try_get(10)?,
        })
    };
    rows.iter().map(task).collect()
}

/// Whether that changed anything.
pub(crate) async fn keep(connection: &mut PgConnection, on: bool) -> Result<bool, Error> {
    Ok(sqlx::query("select jobs.keep_statistics($1)").bind(on).fetch_one(connection).await?.try_get(0)?)
}

const ERRORS: &str = "select e.task, e.error, e.jobs, e.first_at, e.last_at, e.example, e.exact from jobs.errors($1, $2, $3, $4) e";

pub(crate) async fn errors(
    connection: &mut PgConnection,
    topic: Option<&str>,
    since: Option<DateTime<Utc>>,
    limit: i32,
    window: i32,
) -> Result<Vec<ErrorGroup>, Error> {
    let call = sqlx::query(ERRORS).bind(topic).bind(since).bind(limit).bind(window);
    let rows = call.fetch_all(connection).await?;
    let group = |row: &PgRow| {
        Ok(ErrorGroup {
            task: row.try_get(0)?,
            error: row.try_get(1)?,
            jobs: row.try_get(2)?,
            first_at: time(row, 3)?,
            last_at: time(row, 4)?,
            example: row.try_get(5)?,
            exact: row.try_get(6)?,
        })
    };
    rows.iter().map(group).collect()
}

/// The object of `jobs.server_health()`.
pub(crate) async fn server_health(connection: &mut PgConnection) -> Result<Box<RawValue>, Error> {
    let row = sqlx::query("select jobs.server_health()::text").fetch_one(connection).await?;
    Ok(document(row.try_get(0)?))
}
