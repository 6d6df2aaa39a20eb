//! A worker's own row, its heartbeat, and the house-keeping that any worker does.

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

/// A run by its lease and its batch_index under it.
pub(crate) type RunKey = (Uuid, i32);

/// What a heartbeat tells besides that the worker lives.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Runs whose time counts from now.
    pub(crate) late: Vec<RunKey>,
    /// Runs that were claimed ahead and have started since.
    pub(crate) started: Vec<RunKey>,
}

/// Keeps the worker's leases alive; false when it was declared dead.
pub(crate) async fn heartbeat(
    connection: &mut PgConnection,
    worker: Uuid,
    told: &Told,
) -> Result<bool, Error> {
    let leases = |runs: &[RunKey]| runs.iter().map(|(lease, _)| *lease).collect::<Vec<_>>();
    let batch_indexes =
        |runs: &[RunKey]| runs.iter().map(|(_, batch_index)| *batch_index).collect::<Vec<_>>();
    let row = sqlx::query("select jobs.heartbeat_worker($1, $2, $3, $4, $5)")
        .bind(worker)
        .bind(leases(&told.late))
        .bind(batch_indexes(&told.late))
        .bind(leases(&told.started))
        .bind(batch_indexes(&told.started))
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

/// A run as the database has it: its job, lease and batch_index.
pub(crate) type Run = (JobId, Uuid, i32);

/// What the worker holds as far as the database knows.
pub(crate) async fn held_by(connection: &mut PgConnection, worker: Uuid) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query("select h.job_id, h.lease, h.batch_index from jobs.held_by($1) h")
        .bind(worker)
        .fetch_all(connection)
        .await?;
    let run = |row: &PgRow| Ok((JobId::from_database(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?));
    rows.iter().map(run).collect()
}

/// Why this database cannot be used, in words; nothing when it can.
pub(crate) async fn unusable(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let exists = "select to_regprocedure('jobs.unusable()') is not null";
    if !sqlx::query(exists).fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
        return Ok(Vec::new()); // a schema that is older; what it lacks is said where it is used
    }
    let rows = sqlx::query("select u from jobs.unusable() u").fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// At most so many jobs are handled by one call of the house-keeping.
const LIMIT: i32 = 1000;

/// Puts in line what is due; whether there is more.
pub(crate) async fn promote(connection: &mut PgConnection) -> Result<bool, Error> {
    let row = sqlx::query("select jobs.promote($1)").bind(LIMIT).fetch_one(connection).await?;
    Ok(row.try_get::<i32, _>(0)? >= LIMIT)
}

/// What came of the house-keeping.
pub(crate) struct Tended {
    /// There is more to do than one call does.
    pub(crate) more: bool,
    /// The next scheduled job comes due after this time.
    pub(crate) next: Option<Duration>,
}

/// Sweeps lapsed leases and puts in line what is due.
pub(crate) async fn tend(connection: &mut PgConnection) -> Result<Tended, Error> {
    let row = sqlx::query("select jobs.maintain($1)").bind(LIMIT).fetch_one(connection).await?;
    let seconds: Option<f64> = row.try_get(0)?;
    // Below zero: one is due that a transaction holds, or that came due just now; the next look finds it.
    let next = seconds.filter(|s| *s > 0.0).map(|s| Duration::from_secs_f64(s.min(86_400.0)));
    Ok(Tended { more: seconds == Some(0.0), next })
}

/// How many workers live that share a task with this one, and how many of them hold no job.
pub(crate) async fn count(connection: &mut PgConnection, worker: Uuid) -> Result<(usize, usize), Error> {
    let row = sqlx::query("select c.alive, c.idle from jobs.count_workers($1) c")
        .bind(worker)
        .fetch_one(connection)
        .await?;
    let (alive, idle): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
    Ok((usize::try_from(alive).unwrap_or_default(), usize::try_from(idle).unwrap_or_default()))
}

pub(crate) async fn retain(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("call jobs.maintain_partitions_and_commit()").execute(connection).await?;
    Ok(())
}

pub(crate) async fn unregister(connection: &mut PgConnection, worker: Uuid) -> Result<(), Error> {
    sqlx::query("select jobs.unregister_worker($1)").bind(worker).execute(connection).await?;
    Ok(())
}
