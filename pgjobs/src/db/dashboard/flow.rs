//! How work flows.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::db::read::maybe_time;
use crate::types::error::Error;

/// How work flows at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow {
    /// Jobs that ended, counted from some moment on: only the growth says something.
    pub(crate) ended: i64,
    failed: i64,
    failed_exactly: bool,
    /// Jobs in backoff, among those that are due soonest.
    pub(crate) backoff: i64,
}

impl Flow {
    /// Jobs that failed within the last hour, in words: `10,000+` where there may be more.
    pub(crate) fn failed(&self) -> String {
        if self.failed_exactly { self.failed.to_string() } else { format!("{}+", self.failed) }
    }
}

/// Counts at most `cap` rows of each kind.
pub(crate) async fn flow(connection: &mut PgConnection, cap: i32) -> Result<Flow, Error> {
    let flow = sqlx::query("select f.ended, f.failed, f.failed_exactly, f.backoff from jobs.flow($1) f");
    let row = flow.bind(cap).fetch_one(connection).await?;
    Ok(Flow {
        ended: row.try_get(0)?,
        failed: row.try_get(1)?,
        failed_exactly: row.try_get(2)?,
        backoff: row.try_get(3)?,
    })
}

/// The open jobs of a task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Open {
    pub(crate) task: String,
    pub(crate) ready: i64,
    pub(crate) scheduled: i64,
    pub(crate) running: i64,
    pub(crate) oldest_ready: Option<DateTime<Utc>>,
}

const OPEN: &str = "select coalesce(o.task, '(unreadable)'), o.ready, o.scheduled, o.running, o.oldest_ready from jobs.open_counts($1) o";

/// Counts at most `cap` rows of each kind.
pub(crate) async fn open(connection: &mut PgConnection, cap: i32) -> Result<Vec<Open>, Error> {
    let open = |row: &PgRow| {
        Ok(Open {
            task: row.try_get(0)?,
            ready: row.try_get(1)?,
            scheduled: row.try_get(2)?,
            running: row.try_get(3)?,
            oldest_ready: maybe_time(row, 4)?,
        })
    };
    sqlx::query(OPEN).bind(cap).fetch_all(connection).await?.iter().map(open).collect()
}
