//! Queries for the registered workers.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::db::read::{maybe_time, time};
use crate::types::error::Error;

/// A registered worker.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct WorkerRow {
    /// Its id, new at every start.
    pub id: Uuid,
    /// The host it runs on.
    pub host: String,
    /// Its process id on that machine.
    pub pid: i32,
    /// The version of pgjobs that it uses.
    pub version: String,
    /// The topics it is restricted to; empty means all.
    pub topics: Vec<String>,
    /// The task names it claims, aliases included.
    pub tasks: Vec<String>,
    /// The number of jobs that it can run at once now: a command may have changed it.
    pub slots: i32,
    /// The number of its jobs in flight, running or prefetched.
    pub held: i64,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Its last heartbeat.
    pub heartbeat_at: DateTime<Utc>,
    /// Whether its last heartbeat is recent enough.
    pub alive: bool,
    /// Since when it claims nothing because a command has paused it; `None`: it claims.
    pub paused_at: Option<DateTime<Utc>>,
}

/// Any client may have written the arrays: they may contain nulls, have several dimensions, or start at an
/// index other than 1.
const WORKERS: &str = "select w.id, w.host, w.pid, w.version, \
     array(select t from unnest(w.topics) t where t is not null), \
     array(select t from unnest(w.tasks) t where t is not null), w.slots, w.held, \
     w.started_at, w.heartbeat_at, w.alive, w.paused_at from jobs.workers() w";

pub(crate) async fn workers(connection: &mut PgConnection) -> Result<Vec<WorkerRow>, Error> {
    let rows = sqlx::query(WORKERS).fetch_all(connection).await?;
    let worker = |row: &PgRow| {
        Ok(WorkerRow {
            id: row.try_get(0)?,
            host: row.try_get(1)?,
            pid: row.try_get(2)?,
            version: row.try_get(3)?,
            topics: row.try_get(4)?,
            tasks: row.try_get(5)?,
            slots: row.try_get(6)?,
            held: row.try_get(7)?,
            started_at: time(row, 8)?,
            heartbeat_at: time(row, 9)?,
            alive: row.try_get(10)?,
            paused_at: maybe_time(row, 11)?,
        })
    };
    rows.iter().map(worker).collect()
}
