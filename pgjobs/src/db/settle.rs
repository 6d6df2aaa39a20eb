//! Settles runs: one in the caller's transaction, or a batch from a worker.

use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use super::refusal::lost;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::options::Keep;

pub(crate) async fn ack(
    connection: &mut PgConnection,
    job: &JobId,
    lease: Uuid,
    result: &RawValue,
) -> Result<(), Error> {
    sqlx::query("select a.job_id from jobs.ack($1, $2, $3) a")
        .bind(job.as_str())
        .bind(Json(result))
        .bind(lease)
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| lost(job, error.into()))
}

/// The longest delay, ten years, in seconds: PostgreSQL could not add to a time every delay that a task can
/// set.
const LONGEST_DELAY: f64 = 10.0 * 365.0 * 86_400.0;

/// The outcome of a run, as `jobs.settle` names it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Success(Box<RawValue>),
    Fail(String),
    Retry(String, Duration),
    /// The task reports that it ended the job in a transaction of its own.
    Verify,
    Snooze(Duration),
    Release,
    /// The database has a run that this worker does not know: as `Release`, unless an outcome is on its way.
    ReleaseUnknown,
}

impl Outcome {
    pub(crate) fn is_release_of_unknown(&self) -> bool {
        matches!(self, Outcome::ReleaseUnknown)
    }

    pub(crate) fn is_success(&self) -> bool {
        matches!(self, Outcome::Success(_))
    }

    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Outcome::Success(_) => "success",
            Outcome::Fail(_) => "fail",
            Outcome::Retry(..) => "retry",
            Outcome::Verify => "verify",
            Outcome::Snooze(_) => "snooze",
            Outcome::Release | Outcome::ReleaseUnknown => "release",
        }
    }

    fn result(&self) -> Option<Json<&RawValue>> {
        match self {
            Outcome::Success(result) => Some(Json(result)),
            _ => None,
        }
    }

    fn error(&self) -> Option<&str> {
        match self {
            Outcome::Fail(error) | Outcome::Retry(error, _) => Some(error),
            Outcome::Verify => Some("the transaction in which the task finished this job was rolled back"),
            _ => None,
        }
    }

    fn delay(&self) -> Option<f64> {
        match self {
            Outcome::Retry(_, delay) | Outcome::Snooze(delay) => Some(delay.as_secs_f64().min(LONGEST_DELAY)),
            _ => None,
        }
    }
}

/// One run to settle.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) job: JobId,
    pub(crate) lease: Uuid,
    pub(crate) batch_index: i32,
    pub(crate) outcome: Outcome,
    /// What the run has said, of which nothing was sent before, as a JSON object.
    pub(crate) said: Option<String>,
    /// The run is the last run of its job.
    pub(crate) is_last: bool,
    /// It was sent without an answer: the database may have accepted it already.
    pub(crate) was_said: bool,
    /// How many times the database has refused it for its content.
    pub(crate) refusals: u8,
    /// Since when the database has refused only this outcome, for a reason that may pass.
    pub(crate) refused_since: Option<Instant>,
    /// After such a refusal, it is not sent again before this time.
    pub(crate) rests_until: Option<Instant>,
    /// The task ended the job in a transaction of its own, committed or not; it keeps these of its jobs.
    pub(crate) finished: Option<Keep>,
    /// Where the worker counts it.
    pub(crate) meter: usize,
}

impl Settlement {
    pub(crate) fn new(job: JobId, lease: Uuid, batch_index: i32, outcome: Outcome, is_last: bool) -> Self {
        Settlement {
            job,
            lease,
            batch_index,
            outcome,
            said: None,
            is_last,
            was_said: false,
            refusals: 0,
            refused_since: None,
            rests_until: None,
            finished: None,
            meter: 0,
        }
    }

    /// The same settlement without its result, so that the result cannot be the reason for a refusal; `None`
    /// for an outcome with a text.
    pub(crate) fn without_result(&self) -> Option<Settlement> {
        let outcome = match &self.outcome {
            Outcome::Success(_) => Outcome::Success(RawValue::NULL.to_owned()),
            Outcome::Verify => Outcome::Verify,
            _ => return None,
        };
        Some(Settlement::new(self.job.clone(), self.lease, self.batch_index, outcome, self.is_last))
    }

    /// The run that it settles.
    pub(crate) fn run(&self) -> (Uuid, i32) {
        (self.lease, self.batch_index)
    }

    /// Whether a rejection means that the lease was lost. Not if the database may have accepted the outcome
    /// before, unless history would show that; nor for a run that this worker did not know.
    pub(crate) fn is_lost_when_refused(&self) -> bool {
        let leaves_nothing = !matches!(self.outcome, Outcome::Success(_) | Outcome::Fail(_));
        !(self.outcome.is_release_of_unknown()
            || self.was_finished_without_trace()
            || self.was_said && leaves_nothing)
    }

    /// The task ended the job itself and keeps no successes: no row shows the database that it ended.
    pub(crate) fn was_finished_without_trace(&self) -> bool {
        matches!(self.finished, Some(Keep::Failed | Keep::None))
    }

    /// Its approximate size in a message to the server.
    pub(crate) fn bytes(&self) -> usize {
        let outcome = match &self.outcome {
            Outcome::Success(result) => result.get().len(),
            outcome => outcome.error().map_or(0, str::len),
        };
        outcome + self.said.as_ref().map_or(0, String::len)
    }
}

/// What the database says of an outcome that it did not take as it was.
pub(crate) struct Answer {
    /// Its index among the outcomes that were sent.
    pub(crate) at: usize,
    pub(crate) reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Rejected: another transaction has locked the job's row.
    Busy,
    /// Rejected: the lease is lost.
    Lost,
    /// Rejected: the job is a success, by the task's own transaction.
    Finished,
    /// A `verify` that became a retry: the task's own transaction was rolled back.
    Undone,
}

impl Reason {
    fn of(name: &str) -> Self {
        match name {
            "busy" => Reason::Busy,
            "finished" => Reason::Finished,
            "undone" => Reason::Undone,
            _ => Reason::Lost,
        }
    }
}

/// Settles this run and rolls back: tests whether the database would accept the outcome.
pub(crate) async fn try_to_settle(
    connection: &mut PgConnection,
    settlement: &Settlement,
) -> Result<(), Error> {
    let mut attempt = connection.begin().await?;
    settle(&mut attempt, std::slice::from_ref(settlement)).await?;
    // A deferred constraint may be the reason for the refusal.
    sqlx::raw_sql("set constraints all immediate").execute(&mut *attempt).await?;
    Ok(attempt.rollback().await?)
}

const SETTLE: &str = "select s.at, s.reason from jobs.settle($1, $2, $3, $4, $5, $6, $7, $8) s";

/// Settles a batch; returns what was not taken as it was.
pub(crate) async fn settle(
    connection: &mut PgConnection,
    batch: &[Settlement],
) -> Result<Vec<Answer>, Error> {
    // Arrays of nulls are left out, and a value that all have in common is sent once: most batches contain
    // successes only, and many of these are of tasks that return nothing.
    let alike = |results: &[Option<Json<&RawValue>>]| {
        results.windows(2).all(|pair| pair[0].map(|r| r.0.get()) == pair[1].map(|r| r.0.get()))
    };
    let mut results: Vec<_> = batch.iter().map(|s| s.outcome.result()).collect();
    if alike(&results) {
        results.truncate(1);
    }
    let said = batch.iter().any(|s| s.said.is_some());
    let mixed = batch.iter().any(|s| !s.outcome.is_success());
    let rows = sqlx::query(SETTLE)
        .bind(batch.iter().map(|s| s.job.as_str()).collect::<Vec<_>>())
        .bind(batch.iter().map(|s| s.lease).collect::<Vec<_>>())
        .bind(mixed.then(|| batch.iter().map(|s| s.outcome.as_str()).collect::<Vec<_>>()))
        .bind(results)
        .bind(mixed.then(|| batch.iter().map(|s| s.outcome.error()).collect::<Vec<_>>()))
        .bind(mixed.then(|| batch.iter().map(|s| s.outcome.delay()).collect::<Vec<_>>()))
        .bind(batch.iter().map(|s| s.batch_index).collect::<Vec<_>>())
        .bind(said.then(|| batch.iter().map(|s| s.said.as_deref()).collect::<Vec<_>>()))
        .fetch_all(connection)
        .await?;
    let answer = |row: &PgRow| {
        let at = usize::try_from(row.try_get::<i32, _>(0)?).unwrap_or_default().saturating_sub(1);
        Ok(Answer { at, reason: Reason::of(row.try_get(1)?) })
    };
    rows.iter().map(answer).collect()
}
