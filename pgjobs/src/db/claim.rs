//! Claims jobs for a worker.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::claimed::{Answer, Batch};
use super::open_job::Element;
use crate::types::error::Error;

/// A row without a part says when to claim again. As a time from now, because the clocks may differ.
const CLAIM: &str = "select c.part, c.run_at, c.unseen, c.next, c.started, c.jobs, \
     case when c.part is null then extract(epoch from c.run_at - jobs.now())::float8 end \
     from jobs.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) c";
const CLAIM_APART: &str = "select c.part, c.run_at, c.unseen, c.next, c.started, null::jobs.open_job[], \
     case when c.part is null then extract(epoch from c.run_at - jobs.now())::float8 end \
     from jobs.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) c";

/// Jobs in one row of `jobs.batch`: `batch_index` = part * 64 + position in the row.
pub(super) const BATCH: i32 = 64;

pub(crate) struct Claim<'a> {
    pub(crate) worker: Uuid,
    pub(crate) tasks: &'a [String],
    pub(crate) num: i32,
    /// How many of `num` are prefetched, and so will not start at once.
    pub(crate) ahead: i32,
    /// Random, and chosen by the worker, so that it knows the lease even if no answer comes: see [`release`].
    pub(crate) lease: Uuid,
    /// How long the lease outlasts the job's timeout, so that the worker ends a run before the server does.
    pub(crate) margin: Duration,
    /// How long to record that the caller sleeps, which expects to get little; `None` when it expects to be
    /// kept busy, or does not listen.
    pub(crate) sleep: Option<Duration>,
    /// Tasks that may end their jobs in a transaction of their own: each of their jobs gets an own batch.
    pub(crate) own_batch: &'a [String],
    pub(crate) watermarks: &'a [Watermark],
    /// Whether to fetch the jobs in a second statement in any case: the server could not send an earlier
    /// answer.
    pub(crate) apart: bool,
}

/// Every ready job of this task and priority has `ready_seq >= seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) task: String,
    pub(crate) priority: i32,
    pub(crate) seq: i64,
}

pub(crate) async fn claim(connection: &mut PgConnection, claim: &Claim<'_>) -> Result<Answer, Error> {
    let rows = sqlx::query(if claim.apart { CLAIM_APART } else { CLAIM })
        .bind(claim.worker)
        .bind(claim.tasks)
        .bind(claim.num)
        .bind(claim.lease)
        .bind(claim.margin.as_secs_f64())
        .bind(claim.sleep.map(|s| s.as_secs_f64()))
        .bind(Some(claim.own_batch).filter(|tasks| !tasks.is_empty()))
        .bind(claim.watermarks.iter().map(|m| m.task.as_str()).collect::<Vec<_>>())
        .bind(claim.watermarks.iter().map(|m| m.priority).collect::<Vec<_>>())
        .bind(claim.watermarks.iter().map(|m| m.seq).collect::<Vec<_>>())
        .bind(claim.ahead)
        .fetch_all(connection)
        .await?;
    let mut answer = Answer {
        lease: claim.lease,
        batches: Vec::with_capacity(rows.len()),
        unseen: 0,
        next: 0,
        again: None,
    };
    for row in &rows {
        let Some(part) = row.try_get(0)? else {
            answer.again = row.try_get::<Option<f64>, _>(6)?.map(pause);
            continue;
        };
        answer.unseen = row.try_get::<Option<i64>, _>(2)?.unwrap_or_default();
        answer.next = row.try_get::<Option<i64>, _>(3)?.unwrap_or_default();
        answer.batches.push(Batch {
            part,
            run_at: row.try_get(1)?,
            started: row.try_get(4)?,
            jobs: row.try_get(5)?,
        });
    }
    Ok(answer)
}

/// A time to come, in seconds; one that is over is none.
fn pause(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// Fetches the jobs that a claim's answer left out because of their size. Can be repeated.
pub(crate) async fn fetch(
    connection: &mut PgConnection,
    worker: Uuid,
    answer: &mut Answer,
) -> Result<(), Error> {
    let rows = sqlx::query("select f.part, f.jobs from jobs.fetch($1, $2) f")
        .bind(worker)
        .bind(answer.lease)
        .fetch_all(connection)
        .await?;
    for row in rows {
        let (part, jobs): (i32, Vec<Element>) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(batch) = answer.batches.iter_mut().find(|batch| batch.part == part) {
            batch.jobs = Some(jobs);
        }
    }
    Ok(())
}

/// Whether a claim for `room` jobs that returned `got` left no ready job. The claim takes jobs that were
/// published together as whole packed rows, so a large claim may stop short of a row that would not fit.
pub(crate) fn ran_dry(room: usize, got: usize) -> bool {
    let unused = if room < BATCH as usize { 0 } else { BATCH as usize - 1 };
    got + unused < room
}

/// Reports that these runs (lease and batch_index) start. Returns the positions in `runs` of those that must
/// not start, because their lease is gone.
pub(crate) async fn start(
    connection: &mut PgConnection,
    worker: Uuid,
    runs: &[(Uuid, i32)],
) -> Result<Vec<usize>, Error> {
    let rows = sqlx::query("select s from jobs.start($1, $2, $3) s")
        .bind(worker)
        .bind(runs.iter().map(|(lease, _)| *lease).collect::<Vec<_>>())
        .bind(runs.iter().map(|(_, place)| *place).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let position =
        |row: &PgRow| Ok(usize::try_from(row.try_get::<i32, _>(0)?).unwrap_or_default().saturating_sub(1));
    rows.iter().map(position).collect()
}

/// Releases what an unconfirmed claim took; returns the number of jobs.
pub(crate) async fn release(connection: &mut PgConnection, worker: Uuid, lease: Uuid) -> Result<i32, Error> {
    let row =
        sqlx::query("select jobs.release($1, $2)").bind(worker).bind(lease).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// Fails the job that a claim for one job would take, without sending it to the worker; returns its id.
pub(crate) async fn fail_next(
    connection: &mut PgConnection,
    worker: Uuid,
    tasks: &[String],
    lease: Uuid,
    reason: &str,
) -> Result<Option<String>, Error> {
    let row = sqlx::query("select jobs.fail_next($1, $2, $3, $4)")
        .bind(worker)
        .bind(tasks)
        .bind(lease)
        .bind(reason)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}
