//! Steps of jobs, durable sleeps, and signals.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::read::maybe_time;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// The run that records: its job and its lease.
pub(crate) struct Run<'a> {
    pub(crate) job: &'a JobId,
    pub(crate) lease: Uuid,
}

/// What earlier runs of a job have recorded under a name.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// `None`: there is none, or it is large.
    pub(crate) value: Option<Box<RawValue>>,
    pub(crate) is_large: bool,
    pub(crate) is_over: bool,
}

/// What is recorded under one name; `is_same`: of the inputs that were given.
pub(crate) struct Found {
    pub(crate) value: Option<Box<RawValue>>,
    pub(crate) kind: String,
    pub(crate) is_same: bool,
}

/// The answer to a job that asks for a signal.
pub(crate) enum Awaited {
    Sent(Box<RawValue>),
    TimedOut,
    Waiting(Duration),
}

/// As text, so that numbers stay what they are.
fn json(row: &PgRow, at: usize) -> Result<Option<Box<RawValue>>, Error> {
    Ok(row.try_get::<Option<Json<Box<RawValue>>>, _>(at)?.map(|json| json.0))
}

fn json_or_null(row: &PgRow, at: usize) -> Result<Box<RawValue>, Error> {
    Ok(json(row, at)?.unwrap_or_else(|| RawValue::NULL.to_owned()))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

const BEGIN: &str = "select b.name, b.kind, b.value, b.is_large, b.is_over from jobs.begin_steps($1, $2) b";

pub(crate) async fn begin(pool: &PgPool, run: &Run<'_>) -> Result<Vec<Recorded>, Error> {
    let rows = sqlx::query(BEGIN).bind(run.job.as_str()).bind(run.lease).fetch_all(pool).await?;
    let recorded = |row: &PgRow| {
        Ok(Recorded {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
            value: json(row, 2)?,
            is_large: row.try_get(3)?,
            is_over: row.try_get(4)?,
        })
    };
    rows.iter().map(recorded).collect()
}

const FIND: &str = "select f.value, f.kind, f.is_same from jobs.find_step($1, $2, $3, $4) f";

pub(crate) async fn find(
    database: impl PgExecutor<'_>,
    run: &Run<'_>,
    name: &str,
    inputs: Option<&RawValue>,
) -> Result<Option<Found>, Error> {
    let query = sqlx::query(FIND).bind(run.job.as_str()).bind(run.lease).bind(name).bind(inputs.map(Json));
    let row = query.fetch_optional(database).await?;
    let found =
        |row: PgRow| Ok(Found { value: json(&row, 0)?, kind: row.try_get(1)?, is_same: row.try_get(2)? });
    row.map(found).transpose()
}

/// Records a step; returns what is recorded then.
pub(crate) async fn save(
    database: impl PgExecutor<'_>,
    run: &Run<'_>,
    name: &str,
    value: &RawValue,
    inputs: Option<&RawValue>,
) -> Result<Box<RawValue>, Error> {
    let row = sqlx::query("select jobs.save_step($1, $2, $3, $4, $5)")
        .bind(run.job.as_str())
        .bind(run.lease)
        .bind(name)
        .bind(Json(value))
        .bind(inputs.map(Json))
        .fetch_one(database)
        .await?;
    json_or_null(&row, 0)
}

/// How long a job still sleeps.
pub(crate) async fn sleep(
    pool: &PgPool,
    run: &Run<'_>,
    name: &str,
    time: Duration,
) -> Result<Duration, Error> {
    let query = sqlx::query("select jobs.sleep($1, $2, $3, $4)");
    let query = query.bind(run.job.as_str()).bind(run.lease).bind(name).bind(time.as_secs_f64());
    Ok(seconds(query.fetch_one(pool).await?.try_get(0)?))
}

const AWAIT: &str = "select a.state, a.payload, a.seconds from jobs.await_signal($1, $2, $3, $4) a";

pub(crate) async fn await_signal(
    pool: &PgPool,
    run: &Run<'_>,
    name: &str,
    timeout: Duration,
) -> Result<Awaited, Error> {
    let query = sqlx::query(AWAIT).bind(run.job.as_str()).bind(run.lease).bind(name);
    let row = query.bind(timeout.as_secs_f64()).fetch_one(pool).await?;
    Ok(match row.try_get(0)? {
        "sent" => Awaited::Sent(json_or_null(&row, 1)?),
        "timed_out" => Awaited::TimedOut,
        _ => Awaited::Waiting(seconds(row.try_get(2)?)),
    })
}

pub(crate) async fn signal(
    database: impl PgExecutor<'_>,
    name: &str,
    payload: &RawValue,
) -> Result<bool, Error> {
    let query = sqlx::query("select jobs.signal($1, $2)").bind(name).bind(Json(payload));
    Ok(query.fetch_one(database).await?.try_get(0)?)
}

/// One thing that a job has recorded.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct StepRow {
    /// The name of the step, the sleep or the signal.
    pub name: String,
    /// `step`, `sleep` or `signal`.
    pub kind: String,
    /// `done`, `sleeping`, `waiting`, or `timed_out` for a signal that did not come in time.
    pub state: String,
    /// The size of its value as JSON text.
    pub bytes: u64,
    /// Until when the job sleeps, or waits for the signal.
    pub until: Option<DateTime<Utc>>,
    /// The attempt that recorded it, or asked for it last.
    pub attempt: i32,
    /// When it was recorded.
    pub saved_at: DateTime<Utc>,
}

const STEPS: &str =
    "select s.name, s.kind, s.state, s.bytes, s.attempt, s.until, s.saved_at from jobs.steps($1) s";

pub(crate) async fn steps(connection: &mut PgConnection, job: &JobId) -> Result<Vec<StepRow>, Error> {
    let rows = sqlx::query(STEPS).bind(job.as_str()).fetch_all(connection).await?;
    let step = |row: &PgRow| {
        Ok(StepRow {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
            state: row.try_get(2)?,
            bytes: row.try_get::<i64, _>(3)?.unsigned_abs(),
            attempt: row.try_get(4)?,
            until: maybe_time(row, 5)?,
            saved_at: maybe_time(row, 6)?.unwrap_or_default(),
        })
    };
    rows.iter().map(step).collect()
}

/// A step that open jobs have recorded and that the program does not declare.
pub(crate) struct UnknownStep {
    pub(crate) task: String,
    pub(crate) name: String,
    pub(crate) jobs: u64,
    pub(crate) job_id: JobId,
}

/// Steps of open jobs beside those given, each as its task and its name or the beginning of it with `*`.
pub(crate) async fn unknown(
    connection: &mut PgConnection,
    known: &[(String, &str)],
) -> Result<Vec<UnknownStep>, Error> {
    let tasks: Vec<&str> = known.iter().map(|(task, _)| task.as_str()).collect();
    let steps: Vec<&str> = known.iter().map(|(_, step)| *step).collect();
    let query = sqlx::query("select u.task, u.name, u.jobs, u.job_id from jobs.unknown_steps($1, $2) u");
    let rows = query.bind(tasks).bind(steps).fetch_all(connection).await?;
    let unknown = |row: &PgRow| {
        Ok(UnknownStep {
            task: row.try_get(0)?,
            name: row.try_get(1)?,
            jobs: row.try_get::<i64, _>(2)?.unsigned_abs(),
            job_id: JobId::from_database(row.try_get(3)?),
        })
    };
    rows.iter().map(unknown).collect()
}
