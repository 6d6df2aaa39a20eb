//! A worker's row and heartbeat, and the maintenance that any worker does.

use std::time::Duration;

use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::chunk::{Chunk, chunks};
use crate::types::error::Error;
use crate::types::job_id::JobId;

pub(crate) struct Registration<'a> {
    pub(crate) id: Uuid,
    pub(crate) host: &'a str,
    pub(crate) topics: &'a [String],
    pub(crate) tasks: &'a [String],
    pub(crate) slots: i32,
    pub(crate) lease: Duration,
    /// The kinds of commands that it knows.
    pub(crate) commands: &'a [&'static str],
}

const REGISTER: &str = "select jobs.register_worker($1, $2, $3, $4, $5, $6, $7, $8, $9)";

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
        .bind(worker.commands)
        .execute(connection)
        .await?;
    Ok(())
}

/// Upserts tasks, each described in the format of `jobs.register_tasks`. Chunked, because the size of a
/// task's schema is not bounded.
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

/// A run, identified by its lease and batch_index.
pub(crate) type RunKey = (Uuid, i32);

/// What a heartbeat reports besides that the worker is alive.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Runs whose timeout counts from now.
    pub(crate) late: Vec<RunKey>,
    /// Runs that were prefetched and have started since.
    pub(crate) started: Vec<RunKey>,
}

/// A run as the database stores it: its job, lease and batch_index.
pub(crate) type Run = (JobId, Uuid, i32);

/// The worker's runs in flight, as far as the database knows.
pub(crate) async fn held_by(connection: &mut PgConnection, worker: Uuid) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query("select h.job_id, h.lease, h.batch_index from jobs.held_by($1) h")
        .bind(worker)
        .fetch_all(connection)
        .await?;
    let run = |row: &PgRow| Ok((JobId::from_database(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?));
    rows.iter().map(run).collect()
}

/// The reasons why this database cannot be used, as text; empty when it can.
pub(crate) async fn unusable(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let exists = "select to_regprocedure('jobs.unusable()') is not null";
    if !sqlx::query(exists).fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
        return Ok(Vec::new()); // an older schema; what it lacks is reported where it is used
    }
    let rows = sqlx::query("select u from jobs.unusable() u").fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The maximum number of jobs that one call of the maintenance handles.
const LIMIT: i32 = 1000;

/// Promotes due jobs; returns whether there may be more.
pub(crate) async fn promote(connection: &mut PgConnection) -> Result<bool, Error> {
    let row = sqlx::query("select jobs.promote($1)").bind(LIMIT).fetch_one(connection).await?;
    Ok(row.try_get::<i32, _>(0)? >= LIMIT)
}

/// The result of the maintenance.
pub(crate) struct Maintained {
    /// There is more to do than one call handles.
    pub(crate) more: bool,
    /// The time until the next scheduled job is due.
    pub(crate) next: Option<Duration>,
}

/// Sweeps expired leases and promotes due jobs.
pub(crate) async fn maintain(connection: &mut PgConnection) -> Result<Maintained, Error> {
    let row = sqlx::query("select jobs.maintain($1)").bind(LIMIT).fetch_one(connection).await?;
    let seconds: Option<f64> = row.try_get(0)?;
    // Negative: a job is due that another transaction has locked, or that became due just now; the next call
    // finds it.
    let next = seconds.filter(|s| *s > 0.0).map(|s| Duration::from_secs_f64(s.min(86_400.0)));
    Ok(Maintained { more: seconds == Some(0.0), next })
}

/// How many live workers have a task in common with this one, including itself, and how many of them have no
/// job.
pub(crate) async fn count(connection: &mut PgConnection, worker: Uuid) -> Result<(usize, usize), Error> {
    let row = sqlx::query("select c.alive, c.idle from jobs.count_workers($1) c")
        .bind(worker)
        .fetch_one(connection)
        .await?;
    let (alive, idle): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
    Ok((usize::try_from(alive).unwrap_or_default(), usize::try_from(idle).unwrap_or_default()))
}

pub(crate) async fn maintain_partitions(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("call jobs.maintain_partitions_and_commit()").execute(connection).await?;
    Ok(())
}

pub(crate) async fn unregister(connection: &mut PgConnection, worker: Uuid) -> Result<(), Error> {
    sqlx::query("select jobs.unregister_worker($1)").bind(worker).execute(connection).await?;
    Ok(())
}
