//! Claiming jobs for a worker.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::pending::Pending;
use crate::error::Error;
use crate::job_id::JobId;

const CLAIM: &str = "select c.part, c.run_at, c.unseen, c.next, c.jobs \
     from jobs.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) c";

/// Jobs in one batch of the database; a place counts batches in these.
const BATCH: i32 = 64;

pub(crate) struct Claim<'a> {
    pub(crate) worker: Uuid,
    pub(crate) tasks: &'a [String],
    pub(crate) num: i32,
    /// Random, and known before the answer comes: see [`unclaim`].
    pub(crate) lease: Uuid,
    /// How long the lease outlasts the job's timeout, so that the worker ends a run before the server does.
    pub(crate) margin: Duration,
    /// How long the caller will sleep if it gets nothing; none: it does not listen.
    pub(crate) sleep: Option<Duration>,
    /// Tasks that may end their jobs in transactions of their own: each of their jobs is held alone.
    pub(crate) alone: &'a [String],
    pub(crate) marks: &'a [Mark],
}

/// Says that no job of this task and priority waits before this place in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) task: String,
    pub(crate) priority: i32,
    pub(crate) place: i64,
}

/// A job under a fresh lease.
pub(crate) struct Claimed {
    pub(crate) id: JobId,
    pub(crate) task: String,
    pub(crate) body: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) retries: i32,
    pub(crate) max_retries: i32,
    pub(crate) priority: i32,
    pub(crate) timeout: Duration,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) lease: Uuid,
    /// Where the run lies under its lease.
    pub(crate) place: i32,
    /// The place in line that the job had; below zero when it had been given back.
    pub(crate) ready_seq: i64,
}

/// What a claim brought.
#[derive(Default)]
pub(crate) struct Haul {
    /// By priority, then by place in line.
    pub(crate) jobs: Vec<Claimed>,
    /// Transactions from here on may not have ended when the claim looked.
    pub(crate) unseen: i64,
    /// Transactions from here on had not begun.
    pub(crate) next: i64,
}

pub(crate) async fn claim(connection: &mut PgConnection, claim: &Claim<'_>) -> Result<Haul, Error> {
    let rows = sqlx::query(CLAIM)
        .bind(claim.worker)
        .bind(claim.tasks)
        .bind(claim.num)
        .bind(claim.lease)
        .bind(claim.margin.as_secs_f64())
        .bind(claim.sleep.map(|s| s.as_secs_f64()))
        .bind(Some(claim.alone).filter(|alone| !alone.is_empty()))
        .bind(claim.marks.iter().map(|m| m.task.as_str()).collect::<Vec<_>>())
        .bind(claim.marks.iter().map(|m| m.priority).collect::<Vec<_>>())
        .bind(claim.marks.iter().map(|m| m.place).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let mut haul = Haul::default();
    rows.iter().try_for_each(|batch| add(&mut haul, batch, claim.lease))?;
    haul.jobs.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.ready_seq));
    Ok(haul)
}

/// Whether a claim for `room` jobs that brought `got` left none. Jobs that were published together come in whole
/// batches, so a large claim may stop short of what would no more fit.
pub(crate) fn ran_dry(room: usize, got: usize) -> bool {
    let unused = if room < BATCH as usize { 0 } else { BATCH as usize - 1 };
    got + unused < room
}

fn add(haul: &mut Haul, batch: &PgRow, lease: Uuid) -> Result<(), sqlx::Error> {
    let (part, run_at): (i32, _) = (batch.try_get(0)?, batch.try_get(1)?);
    (haul.unseen, haul.next) = (batch.try_get(2)?, batch.try_get(3)?);
    let jobs: Vec<Pending> = batch.try_get(4)?;
    haul.jobs.extend((part * BATCH..).zip(jobs).map(|(place, job)| Claimed {
        id: job.id,
        task: job.task,
        body: job.body,
        attempt: job.attempt + 1,
        retries: job.retries,
        max_retries: job.max_retries,
        priority: job.priority,
        timeout: job.timeout,
        created_at: job.created_at,
        run_at,
        lease,
        place,
        ready_seq: job.ready_seq.unwrap_or_default(),
    }));
    Ok(())
}

/// Gives back what a claim took whose answer never came; returns how many jobs that were.
pub(crate) async fn unclaim(connection: &mut PgConnection, worker: Uuid, lease: Uuid) -> Result<i32, Error> {
    let row =
        sqlx::query("select jobs.unclaim($1, $2)").bind(worker).bind(lease).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
