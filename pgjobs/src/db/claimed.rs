//! The result of a claim.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::claim::BATCH;
use super::open_job::{Element, Pending, Read};
use crate::types::job_id::JobId;

/// With more than this many bytes of bodies in its answer, a claim may have stopped at its byte limit.
const LARGE: usize = 1 << 20;

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
    pub(crate) scheduled_at: Option<DateTime<Utc>>,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) lease: Uuid,
    /// The position of the run within its lease.
    pub(crate) batch_index: i32,
    /// Whether the database has marked the run as started: it then counts as an attempt if this worker dies.
    pub(crate) started: bool,
    pub(crate) meta: Option<String>,
    /// The position in the queue that the job had; negative when the job had been released.
    pub(crate) ready_seq: i64,
}

/// A run whose job cannot be read.
pub(crate) struct Broken {
    pub(crate) job: JobId,
    pub(crate) lease: Uuid,
    pub(crate) batch_index: i32,
    pub(crate) error: String,
}

/// The jobs that a claim returned.
#[derive(Default)]
pub(crate) struct ClaimResult {
    /// By priority, then by `ready_seq`.
    pub(crate) jobs: Vec<Claimed>,
    pub(crate) broken: Vec<Broken>,
    /// The oldest transaction that had not ended when the claim ran.
    pub(crate) unseen: i64,
    /// The claim's own transaction; 0 when it took nothing.
    pub(crate) next: i64,
    /// Whether the claim may have stopped at its byte limit.
    pub(crate) is_large: bool,
    /// In how long a limit lets more jobs start, by time alone.
    pub(crate) again: Option<Duration>,
}

/// The answer of a claim: its batches, with their jobs or without.
pub(crate) struct Answer {
    pub(super) lease: Uuid,
    pub(super) batches: Vec<Batch>,
    pub(super) unseen: i64,
    pub(super) next: i64,
    pub(super) again: Option<Duration>,
}

pub(super) struct Batch {
    pub(super) part: i32,
    pub(super) run_at: DateTime<Utc>,
    pub(super) started: i64,
    pub(super) jobs: Option<Vec<Element>>,
}

impl Answer {
    /// Whether the jobs have to be fetched in a second statement.
    pub(crate) fn lacks_jobs(&self) -> bool {
        self.batches.iter().any(|batch| batch.jobs.is_none())
    }

    /// The batch_index of the first job, if the answer has one.
    pub(crate) fn first_batch_index(&self) -> Option<i32> {
        self.batches.first().map(|batch| batch.part * BATCH)
    }

    pub(crate) fn into_result(self) -> ClaimResult {
        let Answer { unseen, next, again, .. } = self;
        let mut claimed = ClaimResult { unseen, next, again, ..ClaimResult::default() };
        for batch in self.batches {
            let batch_indexes = batch.part * BATCH..;
            for (batch_index, Element(read)) in batch_indexes.zip(batch.jobs.unwrap_or_default()) {
                let started = (batch.started >> (batch_index & (BATCH - 1))) & 1 == 1;
                claimed.add(read, Run { lease: self.lease, batch_index, run_at: batch.run_at, started });
            }
        }
        claimed.is_large =
            claimed.jobs.iter().filter_map(|job| job.body.as_ref()).map(String::len).sum::<usize>() > LARGE;
        claimed.jobs.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.ready_seq));
        claimed
    }
}

/// What a claim returns about a run besides its job.
struct Run {
    lease: Uuid,
    batch_index: i32,
    run_at: DateTime<Utc>,
    started: bool,
}

impl ClaimResult {
    fn add(&mut self, read: Read, run: Run) {
        match read {
            Ok(job) => self.jobs.push(claimed(job, &run)),
            Err(unreadable) => self.broken.push(Broken {
                job: unreadable.id,
                lease: run.lease,
                batch_index: run.batch_index,
                error: unreadable.error,
            }),
        }
    }

    /// How many jobs the claim returned, readable or not.
    pub(crate) fn len(&self) -> usize {
        self.jobs.len() + self.broken.len()
    }
}

fn claimed(job: Pending, run: &Run) -> Claimed {
    Claimed {
        id: job.id,
        task: job.task,
        body: job.body,
        attempt: job.attempt.saturating_add(1),
        retries: job.retries,
        max_retries: job.max_retries,
        priority: job.priority,
        timeout: job.timeout,
        created_at: job.created_at,
        scheduled_at: job.scheduled_at,
        run_at: run.run_at,
        lease: run.lease,
        batch_index: run.batch_index,
        started: run.started,
        meta: job.meta,
        ready_seq: job.ready_seq.unwrap_or_default(),
    }
}

#[cfg(test)]
impl Claimed {
    /// A job for tests of the worker's decisions.
    pub(crate) fn example(task: &str, ready_seq: i64) -> Self {
        Claimed {
            id: JobId::generate(),
            task: task.to_owned(),
            body: None,
            attempt: 1,
            retries: 0,
            max_retries: 3,
            priority: 0,
            timeout: Duration::from_secs(1),
            created_at: DateTime::UNIX_EPOCH,
            scheduled_at: None,
            run_at: DateTime::UNIX_EPOCH,
            lease: Uuid::nil(),
            batch_index: 0,
            started: true,
            meta: None,
            ready_seq,
        }
    }
}
