//! SQL calls for schedules.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};

use super::explain::{Reason, reasons};
use super::read::{document, maybe_time, time};
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_request::JobRequest;
use crate::types::schedule::{CatchUp, Fold, Gap, Overlap};

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
    /// `published`, `caught_up`, `skipped`, `missed`, `failed`, `delayed`, `run`, `backfilled`; `set`, `paused`, `resumed`.
    pub outcome: String,
    /// The job that it published; for `skipped` the one in its way.
    pub job_id: Option<String>,
    /// Why it published nothing, or who did it.
    pub reason: Option<String>,
}

/// What `jobs.set_schedule` takes.
pub(crate) struct NewSchedule<'a> {
    pub(crate) name: &'a str,
    pub(crate) job: &'a JobRequest,
    pub(crate) cron: Option<&'a str>,
    pub(crate) every: Option<Duration>,
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) zone: Option<&'a str>,
    pub(crate) gap: Option<Gap>,
    pub(crate) fold: Option<Fold>,
    pub(crate) jitter: Option<Duration>,
    pub(crate) catch_up: Option<CatchUp>,
    pub(crate) catch_up_limit: Option<i32>,
    pub(crate) overlap: Option<Overlap>,
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

fn row(row: &PgRow) -> Result<ScheduleRow, Error> {
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

const SET: &str = from!(
    "jobs.set_schedule($1, $2, $3::jsonb, $4, make_interval(secs => $5), $6, coalesce($7, 'UTC'), coalesce($8, 'last'), coalesce($9, 100), \
     coalesce($10, 'allow'), make_interval(secs => coalesce($11, 0)), $12, $13, $14::float8::numeric, $15, $16, $17::jsonb)"
);

pub(crate) async fn set(database: impl PgExecutor<'_>, new: &NewSchedule<'_>) -> Result<ScheduleRow, Error> {
    let options = &new.job.options;
    let found = sqlx::query(SET)
        .bind(new.name)
        .bind(new.job.task.as_ref())
        .bind(new.job.body.get())
        .bind(new.cron)
        .bind(new.every.map(|every| every.as_secs_f64()))
        .bind(new.at)
        .bind(new.zone)
        .bind(new.catch_up.map(CatchUp::as_str))
        .bind(new.catch_up_limit)
        .bind(new.overlap.map(Overlap::as_str))
        .bind(new.jitter.map(|jitter| jitter.as_secs_f64()))
        .bind(new.gap.map(Gap::as_str))
        .bind(new.fold.map(Fold::as_str))
        .bind(options.timeout.map(|timeout| timeout.as_secs_f64()))
        .bind(options.priority)
        .bind(options.retries.and_then(|runs| i32::try_from(runs).ok()))
        .bind(options.meta.json())
        .fetch_one(database)
        .await?;
    row(&found)
}

pub(crate) async fn pause(
    database: impl PgExecutor<'_>,
    name: &str,
    note: Option<&str>,
) -> Result<ScheduleRow, Error> {
    let paused = from!("jobs.pause_schedule($1, $2)");
    row(&sqlx::query(paused).bind(name).bind(note).fetch_one(database).await?)
}

pub(crate) async fn resume(
    database: impl PgExecutor<'_>,
    name: &str,
    catch_up: bool,
) -> Result<ScheduleRow, Error> {
    let resumed = from!("jobs.resume_schedule($1, $2)");
    row(&sqlx::query(resumed).bind(name).bind(catch_up).fetch_one(database).await?)
}

pub(crate) async fn remove(database: impl PgExecutor<'_>, name: &str) -> Result<bool, Error> {
    let found = sqlx::query("select jobs.drop_schedule($1)").bind(name).fetch_one(database).await?;
    Ok(found.try_get(0)?)
}

pub(crate) async fn run(database: impl PgExecutor<'_>, name: &str) -> Result<JobId, Error> {
    let found = sqlx::query("select jobs.run_schedule($1)").bind(name).fetch_one(database).await?;
    Ok(JobId::from_database(found.try_get(0)?))
}

pub(crate) async fn backfill(
    database: impl PgExecutor<'_>,
    name: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, JobId)>, Error> {
    let rows = sqlx::query("select b.tick, b.job_id from jobs.backfill_schedule($1, $2, $3) b")
        .bind(name)
        .bind(from)
        .bind(to)
        .fetch_all(database)
        .await?;
    rows.iter().map(|row| Ok((time(row, 0)?, JobId::from_database(row.try_get(1)?)))).collect()
}

/// The schedules under a pattern, after a name, in the order of names.
pub(crate) async fn list(
    connection: &mut PgConnection,
    pattern: &str,
    after: &str,
    limit: i32,
) -> Result<Vec<ScheduleRow>, Error> {
    let all = from!("jobs.schedules($1, $2, $3)");
    let rows = sqlx::query(all).bind(pattern).bind(after).bind(limit).fetch_all(connection).await?;
    rows.iter().map(row).collect()
}

pub(crate) async fn get(connection: &mut PgConnection, name: &str) -> Result<ScheduleRow, Error> {
    row(&sqlx::query(from!("jobs.get_schedule($1)")).bind(name).fetch_one(connection).await?)
}

pub(crate) async fn log(
    connection: &mut PgConnection,
    name: &str,
    limit: i32,
) -> Result<Vec<ScheduleEntry>, Error> {
    let entries =
        "select l.number, l.tick, l.at, l.outcome, l.job_id, l.reason from jobs.schedule_log($1, $2) l";
    let rows = sqlx::query(entries).bind(name).bind(limit).fetch_all(connection).await?;
    let entry = |row: &PgRow| {
        Ok(ScheduleEntry {
            number: row.try_get(0)?,
            tick: maybe_time(row, 1)?,
            at: time(row, 2)?,
            outcome: row.try_get(3)?,
            job_id: row.try_get(4)?,
            reason: row.try_get(5)?,
        })
    };
    rows.iter().map(entry).collect()
}

/// The next ticks of a schedule.
pub(crate) async fn ticks(
    connection: &mut PgConnection,
    name: &str,
    num: i32,
    after: Option<DateTime<Utc>>,
) -> Result<Vec<DateTime<Utc>>, Error> {
    let next = "select t from jobs.schedule_ticks($1, $2, $3) t";
    let rows = sqlx::query(next).bind(name).bind(num).bind(after).fetch_all(connection).await?;
    rows.iter().map(|row| time(row, 0)).collect()
}

/// The next ticks of a cron line.
pub(crate) async fn ticks_of(
    connection: &mut PgConnection,
    cron: &str,
    zone: &str,
    num: i32,
    after: Option<DateTime<Utc>>,
) -> Result<Vec<DateTime<Utc>>, Error> {
    let next = "select t from jobs.next_ticks($1, $2, $3, $4) t";
    let rows = sqlx::query(next).bind(cron).bind(zone).bind(num).bind(after).fetch_all(connection).await?;
    rows.iter().map(|row| time(row, 0)).collect()
}

pub(crate) async fn explain(connection: &mut PgConnection, name: &str) -> Result<Vec<Reason>, Error> {
    let rows =
        sqlx::query("select e.code, e.message, e.until, e.details::text from jobs.explain_schedule($1) e")
            .bind(name)
            .fetch_all(connection)
            .await?;
    reasons(&rows)
}

pub(crate) async fn tick(database: impl PgExecutor<'_>, limit: i32) -> Result<i32, Error> {
    let found = sqlx::query("select jobs.tick($1)").bind(limit).fetch_one(database).await?;
    Ok(found.try_get(0)?)
}
