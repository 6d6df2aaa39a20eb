//! A schedule and an entry of its log, as the database stores them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::db::read::{document, maybe_time, time};
use crate::types::error::Error;

/// A schedule as it is stored, without the arguments of its jobs.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// The task whose jobs it publishes.
    pub task: String,
    /// Its cron line; or else `every` or `at` is set.
    pub cron: Option<String>,
    /// In seconds, the time between two ticks.
    pub every: Option<f64>,
    /// The one time at which it is due.
    pub at: Option<DateTime<Utc>>,
    /// The time zone of the cron line.
    pub zone: String,
    /// What happens to a time that the clock skips; `None`: the hour field decides.
    pub gap: Option<String>,
    /// What happens to a time that the clock shows twice; `None`: the hour field decides.
    pub fold: Option<String>,
    /// In seconds, the longest delay of a tick.
    pub jitter: f64,
    /// Which of several late ticks are published.
    pub catch_up: String,
    /// At most so many of them.
    pub catch_up_limit: i32,
    /// What happens to a tick while the job of the tick before is open.
    pub overlap: String,
    /// The jobs' priority; `None`: 0.
    pub priority: Option<i32>,
    /// The jobs' time limit in seconds; `None`: 60.
    pub timeout: Option<f64>,
    /// The jobs' maximum number of runs; `None`: 3.
    pub max_retries: Option<i32>,
    /// The jobs' meta, without the tick.
    pub meta: Option<Box<RawValue>>,
    /// The next tick; `None`: there is none.
    pub next_at: Option<DateTime<Utc>>,
    /// When that tick is published: later by its jitter.
    pub due_at: Option<DateTime<Utc>>,
    /// The last tick that published a job.
    pub last_at: Option<DateTime<Utc>>,
    /// The job published last.
    pub last_job: Option<String>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Why.
    pub pause_note: Option<String>,
    /// Whether the code declares it.
    pub declared: bool,
    /// Whether it was changed by hand after that.
    pub edited: bool,
    /// Since when the code no longer declares it: it goes when no older worker is left.
    pub undeclared_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last set.
    pub changed_at: DateTime<Utc>,
    /// By whom.
    pub changed_by: String,
}

/// What became of a tick, or what was done to a schedule.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ScheduleEntry {
    /// The entries of a schedule are numbered.
    pub number: i64,
    /// The time for which the tick stands; `None`: no tick.
    pub tick: Option<DateTime<Utc>>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// `published`, `caught_up`, `skipped`, `missed`, `failed`, `delayed`, `run`, `backfilled`; `set`,
    /// `paused`, `resumed`.
    pub outcome: String,
    /// The job that it published; for `skipped` the one in its way.
    pub job_id: Option<String>,
    /// Why it published nothing, or who did it.
    pub reason: Option<String>,
}

/// The columns of a schedule in the order of `row`, from a call that returns schedules.
macro_rules! from {
    ($call:literal) => {
        concat!(
            "select s.name, s.task, s.cron, extract(epoch from s.every)::float8, s.at, s.zone, s.gap, s.fold, ",
            "extract(epoch from s.jitter)::float8, s.catch_up, s.catch_up_limit, s.overlap, s.timeout::float8, s.priority, ",
            "s.max_retries, s.meta::text, s.next_at, s.due_at, s.last_at, s.last_job, s.paused_at, s.paused_by::text, s.pause_note, ",
            "s.declared, s.edited, s.undeclared_at, s.created_at, s.changed_at, s.changed_by::text from ",
            $call,
            " s"
        )
    };
}
pub(super) use from;

pub(super) fn row(row: &PgRow) -> Result<ScheduleRow, Error> {
    Ok(ScheduleRow {
        name: row.try_get(0)?,
        task: row.try_get(1)?,
        cron: row.try_get(2)?,
        every: row.try_get(3)?,
        at: maybe_time(row, 4)?,
        zone: row.try_get(5)?,
        gap: row.try_get(6)?,
        fold: row.try_get(7)?,
        jitter: row.try_get(8)?,
        catch_up: row.try_get(9)?,
        catch_up_limit: row.try_get(10)?,
        overlap: row.try_get(11)?,
        timeout: row.try_get(12)?,
        priority: row.try_get(13)?,
        max_retries: row.try_get(14)?,
        meta: row.try_get::<Option<String>, _>(15)?.map(document),
        next_at: maybe_time(row, 16)?,
        due_at: maybe_time(row, 17)?,
        last_at: maybe_time(row, 18)?,
        last_job: row.try_get(19)?,
        paused_at: maybe_time(row, 20)?,
        paused_by: row.try_get(21)?,
        pause_note: row.try_get(22)?,
        declared: row.try_get(23)?,
        edited: row.try_get(24)?,
        undeclared_at: maybe_time(row, 25)?,
        created_at: time(row, 26)?,
        changed_at: time(row, 27)?,
        changed_by: row.try_get(28)?,
    })
}

pub(super) fn entry(row: &PgRow) -> Result<ScheduleEntry, Error> {
    Ok(ScheduleEntry {
        number: row.try_get(0)?,
        tick: maybe_time(row, 1)?,
        at: time(row, 2)?,
        outcome: row.try_get(3)?,
        job_id: row.try_get(4)?,
        reason: row.try_get(5)?,
    })
}
