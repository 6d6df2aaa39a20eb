//! Queries for operations over many jobs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};

use crate::db::read::{document, maybe_time, time};
use crate::types::error::Error;

/// An operation over many jobs: what it takes, and how far it is.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct OperationRow {
    /// Its number.
    pub id: i64,
    /// `retry`, `redrive`, `cancel` or `purge`.
    pub kind: String,
    /// Tasks under this topic.
    pub topic: String,
    /// Jobs in this state; `None`: pending and running ones.
    pub job_state: Option<String>,
    /// Jobs whose last error has this text, `*` being any text in it.
    pub error: Option<String>,
    /// Jobs that ended (of cancel and purge: were published) at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this time: at the latest the start, so that no later job is taken.
    pub until: DateTime<Utc>,
    /// Jobs a second; `None`: as fast as it goes.
    pub rate: Option<f64>,
    /// The database user that started it.
    pub who: String,
    /// The role that this user had set.
    pub role: Option<String>,
    /// Why, in that user's words.
    pub reason: Option<String>,
    /// `running`, `paused`, `cancelled`, `done` or `failed`.
    pub state: String,
    /// How many jobs matched at the start.
    pub matched: i64,
    /// Whether that number is exact; otherwise there were more.
    pub matched_exactly: bool,
    /// Jobs that it has dealt with.
    pub done: i64,
    /// Jobs that it took and could not deal with.
    pub skipped: i64,
    /// How many of them for which reason: an object of numbers.
    pub skips: Box<RawValue>,
    /// The first twenty of them, `[{"job_id", "reason"}]`.
    pub left_out: Box<RawValue>,
    /// Why its last step did not succeed; it is tried again.
    pub last_error: Option<String>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When its last step was.
    pub stepped_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Of a cancel: how many seconds the code of running jobs may go on.
    pub grace_seconds: Option<f64>,
}

/// What an operation would take if it were started now.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Preview {
    /// The number of jobs.
    pub jobs: i64,
    /// Whether it is exact; otherwise there are at least so many.
    pub exact: bool,
    /// The newest of them, up to five: `[{"job_id", "task", "error"}]`.
    pub examples: Box<RawValue>,
}

/// What `jobs.start_operation` and `jobs.preview_operation` take.
pub(crate) struct Chosen<'a> {
    pub(crate) kind: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) state: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
}

/// The columns of an operation in the order of `row`, from a call that returns operations.
macro_rules! from {
    ($call:literal) => {
        concat!(
            "select o.id, o.kind, o.topic, o.job_state, o.error, o.since, o.until, o.rate, o.who::text, o.role::text, o.reason, o.state, ",
            "o.matched, o.matched_exactly, o.done, o.skipped, o.skips::text, o.left_out::text, o.last_error, o.started_at, o.stepped_at, ",
            "o.ended_at, o.grace_seconds from ",
            $call,
            " o"
        )
    };
}

fn row(row: &PgRow) -> Result<OperationRow, Error> {
    Ok(OperationRow {
        id: row.try_get(0)?,
        kind: row.try_get(1)?,
        topic: row.try_get(2)?,
        job_state: row.try_get(3)?,
        error: row.try_get(4)?,
        since: maybe_time(row, 5)?,
        until: time(row, 6)?,
        rate: row.try_get(7)?,
        who: row.try_get(8)?,
        role: row.try_get(9)?,
        reason: row.try_get(10)?,
        state: row.try_get(11)?,
        matched: row.try_get(12)?,
        matched_exactly: row.try_get(13)?,
        done: row.try_get(14)?,
        skipped: row.try_get(15)?,
        skips: document(row.try_get(16)?),
        left_out: document(row.try_get(17)?),
        last_error: row.try_get(18)?,
        started_at: time(row, 19)?,
        stepped_at: time(row, 20)?,
        ended_at: maybe_time(row, 21)?,
        grace_seconds: row.try_get(22)?,
    })
}

const PREVIEW: &str =
    "select p.jobs, p.exact, p.examples::text from jobs.preview_operation($1, $2, $3, $4, $5, $6) p";

pub(crate) async fn preview(connection: &mut PgConnection, chosen: &Chosen<'_>) -> Result<Preview, Error> {
    let found = sqlx::query(PREVIEW)
        .bind(chosen.kind)
        .bind(chosen.topic)
        .bind(chosen.state)
        .bind(chosen.error)
        .bind(chosen.since)
        .bind(chosen.until)
        .fetch_one(connection)
        .await?;
    Ok(Preview { jobs: found.try_get(0)?, exact: found.try_get(1)?, examples: document(found.try_get(2)?) })
}

/// How an operation goes about it, and why.
pub(crate) struct Manner<'a> {
    /// Jobs a second.
    pub(crate) rate: Option<f64>,
    /// Of a cancel.
    pub(crate) grace: Option<Duration>,
    pub(crate) reason: Option<&'a str>,
}

/// `matched`: the number of jobs, where it was just counted.
pub(crate) async fn start(
    database: impl PgExecutor<'_>,
    chosen: &Chosen<'_>,
    manner: Manner<'_>,
    matched: Option<i64>,
) -> Result<OperationRow, Error> {
    let started = from!("jobs.start_operation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let found = sqlx::query(started)
        .bind(chosen.kind)
        .bind(chosen.topic)
        .bind(chosen.state)
        .bind(chosen.error)
        .bind(chosen.since)
        .bind(chosen.until)
        .bind(manner.rate)
        .bind(manner.reason)
        .bind(matched)
        .bind(manner.grace.map(|grace| grace.as_secs_f64()))
        .fetch_one(database)
        .await?;
    row(&found)
}

/// A change of an operation's state.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Pause,
    Resume,
    Cancel,
}

pub(crate) async fn change(
    database: impl PgExecutor<'_>,
    id: i64,
    change: Change,
    reason: Option<&str>,
) -> Result<OperationRow, Error> {
    let sql = match change {
        Change::Pause => from!("jobs.pause_operation($1, $2)"),
        Change::Resume => from!("jobs.resume_operation($1, $2)"),
        Change::Cancel => from!("jobs.cancel_operation($1, $2)"),
    };
    row(&sqlx::query(sql).bind(id).bind(reason).fetch_one(database).await?)
}

pub(crate) async fn step(
    database: impl PgExecutor<'_>,
    id: i64,
    seconds: f64,
) -> Result<OperationRow, Error> {
    let stepped = from!("jobs.step_operation($1, $2)");
    row(&sqlx::query(stepped).bind(id).bind(seconds).fetch_one(database).await?)
}

pub(crate) async fn get(connection: &mut PgConnection, id: i64) -> Result<OperationRow, Error> {
    row(&sqlx::query(from!("jobs.get_operation($1)")).bind(id).fetch_one(connection).await?)
}

/// The newest operations before one.
pub(crate) async fn list(
    connection: &mut PgConnection,
    before: Option<i64>,
    limit: i32,
) -> Result<Vec<OperationRow>, Error> {
    let all = from!("jobs.operations($1, $2)");
    sqlx::query(all).bind(before).bind(limit).fetch_all(connection).await?.iter().map(row).collect()
}
