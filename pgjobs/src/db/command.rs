//! SQL calls for commands to workers: what an operator sends and reads.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::read::{maybe_time, time};
use crate::types::command::{Command, CommandState};
use crate::types::error::Error;

/// A command to one worker, and what has become of it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CommandRow {
    /// Its number.
    pub id: i64,
    /// The worker.
    pub worker: Uuid,
    /// The worker's host, as long as the worker is known.
    pub host: Option<String>,
    /// What it tells: `ping`, `pause`, …; `cancel` for the runs of jobs that were cancelled.
    pub kind: String,
    /// What else it says, by kind.
    pub details: Option<Value>,
    /// The database user who sent it.
    pub who: String,
    /// Why, in the words of who sent it.
    pub reason: Option<String>,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// The worker does not begin with it after this time.
    pub expires_at: DateTime<Utc>,
    /// What has become of it.
    pub state: CommandState,
    /// What was done, or why nothing was.
    pub answer: Option<String>,
    /// When it ended.
    pub answered_at: Option<DateTime<Utc>>,
}

/// Whom a command is for, as SQL takes it.
pub(crate) struct Recipients<'a> {
    pub(crate) workers: Option<&'a [Uuid]>,
    pub(crate) topic: Option<&'a str>,
}

/// Sends a command; returns its number for each worker.
pub(crate) async fn send(
    connection: &mut PgConnection,
    to: &Recipients<'_>,
    command: &Command,
    reason: Option<&str>,
    expires: Duration,
) -> Result<Vec<i64>, Error> {
    let rows = sqlx::query("select c.command from jobs.control($1, $2, $3, $4, $5, $6) c")
        .bind(command.kind())
        .bind(to.workers)
        .bind(to.topic)
        .bind(command.details().map(Json))
        .bind(reason)
        .bind(expires.as_secs_f64())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

const COMMANDS: &str = "select c.id, c.worker, c.host, c.kind, c.details, c.who::text, c.reason, c.sent_at, c.expires_at, \
     c.state, c.answer, c.answered_at from jobs.commands($1, $2, null, $3) c";

/// Commands, newest first: of a worker, of these numbers, or all.
pub(crate) async fn commands(
    connection: &mut PgConnection,
    worker: Option<Uuid>,
    ids: Option<&[i64]>,
    num: i32,
) -> Result<Vec<CommandRow>, Error> {
    let rows = sqlx::query(COMMANDS).bind(worker).bind(ids).bind(num).fetch_all(connection).await?;
    rows.iter().map(receipt).collect()
}

fn receipt(row: &PgRow) -> Result<CommandRow, Error> {
    Ok(CommandRow {
        id: row.try_get(0)?,
        worker: row.try_get(1)?,
        host: row.try_get(2)?,
        kind: row.try_get(3)?,
        details: row.try_get(4)?,
        who: row.try_get(5)?,
        reason: row.try_get(6)?,
        sent_at: time(row, 7)?,
        expires_at: time(row, 8)?,
        state: CommandState::of(row.try_get(9)?),
        answer: row.try_get(10)?,
        answered_at: maybe_time(row, 11)?,
    })
}
