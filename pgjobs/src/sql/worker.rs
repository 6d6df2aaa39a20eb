//! A worker's own row, its heartbeat, and the house-keeping that any worker does.

use std::time::Duration;

use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::chunk::{Chunk, chunks};
use crate::error::Error;
use crate::job_id::JobId;

pub(crate) struct Registration<'a> {
    pub(crate) id: Uuid,
    pub(crate) host: &'a str,
    pub(crate) topics: &'a [String],
    pub(crate) tasks: &'a [String],
    pub(crate) slots: i32,
    pub(crate) lease: Duration,
}

const REGISTER: &str = "select jobs.register_worker($1, $2, $3, $4, $5, $6, $7, $8)";

pub(crate) async fn register(connection: &mut PgConnection, worker: &Registration<'_>) -> Result<(), Error> {
    sqlx::query(REGISTER)
        .bind(worker.id)
        .bind(worker.host)
        .bind(i32::try_from(std::process::id()).unwrap_or(i32::MAX))
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(worker.topics)
        .bind(worker.tasks)
        .bind(worker.slots)
        .bind(worker.lease.as_secs_f64())
        .execute(connection)
        .await?;
    Ok(())
}

/// Upserts tasks, each described as `jobs.register_tasks` wants it. A task's schema has no bound on this side.
pub(crate) async fn register_tasks(
    connection: &mut PgConnection,
    tasks: &[serde_json::Value],
) -> Result<(), Error> {
    let texts = tasks.iter().map(serde_json::value::to_raw_value).collect::<Result<Vec<_>, _>>();
    let texts = texts.map_err(|error| Error::Encode(format!("the schema of a task: {error}")))?;
    for chunk in chunks(&texts, |text| text.get().len()) {
        register_some(connection, chunk).await?;
    }
    Ok(())
}

async fn register_some(connection: &mut PgConnection, tasks: Chunk<'_, Box<RawValue>>) -> Result<(), Error> {
    sqlx::query("select jobs.register_tasks($1)").bind(Json(&*tasks)).execute(connection).await?;
    Ok(())
}

/// Keeps the worker's leases alive; false when it was declared dead. `late` names runs, by lease and
/// place, whose time counts from now.
pub(crate) async fn heartbeat(
    connection: &mut PgConnection,
    worker: Uuid,
    late: &[(Uuid, i32)],
) -> Result<bool, Error> {
    let row = sqlx::query("select jobs.heartbeat_worker($1, $2, $3)")
        .bind(worker)
        .bind(late.iter().map(|(lease, _)| *lease).collect::<Vec<_>>())
        .bind(late.iter().map(|(_, place)| *place).collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

/// A run as the database has it: its job, lease and place.
pub(crate) type Run = (JobId, Uuid, i32);

/// What the worker holds as far as the database knows.
pub(crate) async fn held_by(connection: &mut PgConnection, worker: Uuid) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query("select h.job_id, h.lease, h.place from jobs.held_by($1) h")
        .bind(worker)
        .fetch_all(connection)
        .await?;
    let run = |row: &PgRow| Ok((JobId::from_database(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?));
    rows.iter().map(run).collect()
}

/// Sweeps lapsed leases; says when the next scheduled job comes due.
pub(crate) async fn tend(connection: &mut PgConnection) -> Result<Option<Duration>, Error> {
    let row = sqlx::query("select jobs.tend()").fetch_one(connection).await?;
    let seconds: Option<f64> = row.try_get(0)?;
    Ok(seconds.map(|s| Duration::from_secs_f64(s.clamp(0.0, 86_400.0))))
}

pub(crate) async fn retain(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("select r from jobs.retain() r").execute(connection).await?;
    Ok(())
}

pub(crate) async fn unregister(connection: &mut PgConnection, worker: Uuid) -> Result<(), Error> {
    sqlx::query("select jobs.unregister_worker($1)").bind(worker).execute(connection).await?;
    Ok(())
}
