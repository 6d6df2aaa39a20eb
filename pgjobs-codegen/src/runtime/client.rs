#![allow(dead_code, missing_docs, non_snake_case, unreachable_pub, unused_imports, clippy::all, clippy::pedantic)]
#![cfg_attr(rustfmt, rustfmt_skip)]

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};

const PUBLISH: &str = "select job_id from jobs.publish($1, $2::text::jsonb, to_timestamp($3), $4::float8::numeric, $5, $6)";
const RESULT: &str = "select status, result::text, traceback from jobs.result($1)";

/// How a job is to run. What is `None` is as the task says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Options {
    pub scheduled_at: Option<SystemTime>,
    pub timeout: Option<Duration>,
    /// Greater runs first.
    pub priority: Option<i32>,
    /// Counts runs in all: 3 means at most three.
    pub max_retries: Option<i32>,
}

/// Why a job has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It ended as failed; this is its last error.
    Failed(Option<String>),
    /// It ended as cancelled.
    Cancelled,
    /// It is unknown: not committed yet, or its task keeps no history.
    Unknown,
    /// It takes longer than the caller would wait.
    Timeout,
    /// Its result is not what the task said when this file was generated.
    Result(serde_json::Error),
    /// The database cannot be asked.
    Database(sqlx::Error),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Failed(traceback) => write!(f, "the job failed: {}", traceback.as_deref().unwrap_or("no error was given")),
            JobError::Cancelled => f.write_str("the job was cancelled"),
            JobError::Unknown => f.write_str("the job is unknown: not committed yet, or its task keeps no history"),
            JobError::Timeout => f.write_str("the job takes longer than the limit"),
            JobError::Result(error) => write!(f, "the job's result is of another type, generate this client anew: {error}"),
            JobError::Database(error) => write!(f, "the job cannot be asked about: {error}"),
        }
    }
}

impl std::error::Error for JobError {}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        JobError::Database(error)
    }
}

/// A published job.
#[derive(Debug, Clone)]
pub struct Job<T> {
    pub id: String,
    result: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Job<T> {
    /// A job that was published earlier.
    pub fn of(id: impl Into<String>) -> Self {
        Job { id: id.into(), result: PhantomData }
    }

    /// Its result, if it has ended.
    pub async fn result(&self, executor: impl PgExecutor<'_>) -> Result<Option<T>, JobError> {
        let row: Option<(String, Option<String>, Option<String>)> =
            sqlx::query_as(RESULT).bind(&self.id).fetch_optional(executor).await?;
        let Some((status, result, traceback)) = row else { return Err(JobError::Unknown) };
        match status.as_str() {
            "success" => serde_json::from_str(result.as_deref().unwrap_or("null")).map(Some).map_err(JobError::Result),
            "failed" => Err(JobError::Failed(traceback)),
            "cancelled" => Err(JobError::Cancelled),
            _ => Ok(None),
        }
    }

    /// Waits for the result; after `limit` it is an error, and the job goes on.
    ///
    /// Commit first: a job is worked on when the transaction that published it has ended.
    pub async fn wait(&self, pool: &PgPool, limit: Duration) -> Result<T, JobError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            if let Some(result) = self.result(pool).await? {
                return Ok(result);
            }
            let left = limit.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(JobError::Timeout);
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 3 / 2).min(Duration::from_secs(1));
        }
    }
}

async fn publish<T: DeserializeOwned>(
    executor: impl PgExecutor<'_>,
    task: &str,
    kwargs: &impl Serialize,
    options: &Options,
    defaults: (Option<f64>, Option<i32>, Option<i32>),
) -> Result<Job<T>, sqlx::Error> {
    #[derive(Serialize)]
    struct Body<'a, A> {
        args: [(); 0],
        kwargs: &'a A,
    }
    let body = serde_json::to_string(&Body { args: [], kwargs }).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let since_epoch = |at: SystemTime| match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    };
    let (timeout, priority, max_retries) = defaults;
    let id: String = sqlx::query_scalar(PUBLISH)
        .bind(task)
        .bind(body)
        .bind(options.scheduled_at.map(since_epoch))
        .bind(options.timeout.map(|timeout| timeout.as_secs_f64()).or(timeout))
        .bind(options.priority.or(priority))
        .bind(options.max_retries.or(max_retries))
        .fetch_one(executor)
        .await?;
    Ok(Job::of(id))
}
