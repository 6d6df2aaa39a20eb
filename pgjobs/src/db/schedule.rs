//! SQL calls for schedules.

mod row;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, Row};

use super::explain::{Reason, reasons};
use super::read::time;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_request::JobRequest;
use crate::types::schedule::{CatchUp, Fold, Gap, Overlap};
use row::{entry, from, row};

pub use row::{ScheduleEntry, ScheduleRow};

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

/// Changes the cron line and the zone of a schedule, and keeps everything else of it.
#[cfg(feature = "web")]
pub(crate) async fn set_line(
    connection: &mut PgConnection,
    name: &str,
    cron: &str,
    zone: &str,
) -> Result<ScheduleRow, Error> {
    let changed = from!(
        "jobs.get_schedule($1) g, lateral jobs.set_schedule(g.name, g.task, jobs.schedule_body(g.name), $2, null, null, $3, g.catch_up, \
         g.catch_up_limit, g.overlap, g.jitter, g.gap, g.fold, g.timeout, g.priority, g.max_retries, g.meta)"
    );
    row(&sqlx::query(changed).bind(name).bind(cron).bind(zone).fetch_one(connection).await?)
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
