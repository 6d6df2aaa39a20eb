//! Queries for one job or a page of jobs.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::db::read::{cannot_be_sent, document, maybe_time, why_not_sent};
use crate::db::transaction;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::topic::Topic;

/// A job in any state, as `jobs.all` shows it.
///
/// A time before the year 1 or after 9999, which new jobs can no longer have, is shown as the nearest time
/// within that range.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JobRow {
    /// Its id.
    pub job_id: JobId,
    /// The task name it was published under.
    pub task: String,
    /// Its state.
    pub state: JobState,
    /// The published arguments, as the database writes them; absent in a page of jobs.
    pub body: Option<Box<RawValue>>,
    /// The task's return value, as the database writes it; absent in a page of jobs.
    pub result: Option<Box<RawValue>>,
    /// Its last error; in a page of jobs the first 4000 characters.
    pub traceback: Option<String>,
    /// Why `body` or `result` is missing although the job has one: the server cannot send a text of that
    /// size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// Attempts so far, counted or not.
    pub attempt: i32,
    /// Failed runs that were followed by another run; the run that ended the job as failed is not counted.
    pub retries: i32,
    /// The maximum number of runs: 3 means at most three.
    pub max_retries: i32,
    /// Jobs with a greater priority run first.
    pub priority: i32,
    /// The time limit of a run, in seconds.
    pub timeout: f64,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// The job does not run before this time.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// When its last run was claimed.
    pub run_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub complete_on: Option<DateTime<Utc>>,
    /// The worker that runs it or ended it.
    pub worker: Option<Uuid>,
    /// What its publisher noted beside the arguments, tags among it.
    pub meta: Option<Box<RawValue>>,
}

impl JobRow {
    /// The runs that failed and count: those after which it was to run again, and the one with which it failed.
    #[cfg(any(feature = "cli", feature = "web"))]
    pub(crate) fn failed_attempts(&self) -> i32 {
        self.retries.saturating_add(i32::from(self.state == JobState::Failed))
    }
}

macro_rules! job_query {
    ($traceback:literal, $more:literal, $from:literal) => {
        concat!(
            "select a.job_id, a.task, a.status, ",
            $traceback,
            ", a.attempt, a.retries, a.max_retries, a.priority, a.timeout::float8, a.created_at, a.scheduled_at, \
             a.run_at, a.complete_on, a.worker, a.meta::text",
            $more,
            " from ",
            $from
        )
    };
}

/// The number of columns before those of `more`.
const COLUMNS: usize = 15;

/// A null that got past every constraint is read as a default value, so that it hides neither other rows nor
/// the other columns of its own row.
fn job(row: &PgRow) -> Result<JobRow, Error> {
    let number = |at: usize| Ok::<i32, sqlx::Error>(row.try_get::<Option<i32>, _>(at)?.unwrap_or_default());
    Ok(JobRow {
        job_id: JobId::from_database(row.try_get(0)?),
        task: row.try_get::<Option<String>, _>(1)?.unwrap_or_default(),
        state: row.try_get::<&str, _>(2)?.parse()?,
        body: None,
        result: None,
        traceback: row.try_get(3)?,
        unreadable: None,
        attempt: number(4)?,
        retries: number(5)?,
        max_retries: number(6)?,
        priority: number(7)?,
        timeout: row.try_get::<Option<f64>, _>(8)?.unwrap_or_default(),
        created_at: maybe_time(row, 9)?.unwrap_or_default(),
        scheduled_at: maybe_time(row, 10)?,
        run_at: maybe_time(row, 11)?,
        complete_on: maybe_time(row, 12)?,
        worker: row.try_get(13)?,
        meta: row.try_get::<Option<String>, _>(14)?.map(document),
    })
}

const WHOLE: &str = job_query!("a.traceback", ", a.body::text, a.result::text", "jobs.shown($1) a");
const BARE: &str = job_query!("a.traceback", "", "jobs.get($1) a");
const BODY: &str = "select a.body::text from jobs.shown($1) a";
const RESULT: &str = "select a.result::text from jobs.shown($1) a";

pub(crate) async fn get(connection: &mut PgConnection, id: &JobId) -> Result<JobRow, Error> {
    match fetch(connection, WHOLE, id).await {
        Ok(Some(row)) => {
            let (body, result): (Option<String>, Option<String>) =
                (row.try_get(COLUMNS)?, row.try_get(COLUMNS + 1)?);
            Ok(JobRow { body: body.map(document), result: result.map(document), ..job(&row)? })
        }
        Ok(None) => Err(Error::UnknownJob(id.clone())),
        Err(error) if cannot_be_sent(&error) => in_parts(connection, id).await,
        Err(error) => Err(error.into()),
    }
}

/// The job without the parts that the server cannot send, and why they are missing.
async fn in_parts(connection: &mut PgConnection, id: &JobId) -> Result<JobRow, Error> {
    let row = sqlx::query(BARE).bind(id.as_str()).fetch_optional(&mut *connection).await?;
    let mut shown = job(&row.ok_or_else(|| Error::UnknownJob(id.clone()))?)?;
    let mut missing = Vec::new();
    for (name, statement, place) in
        [("arguments", BODY, &mut shown.body), ("result", RESULT, &mut shown.result)]
    {
        match part(connection, statement, id).await? {
            Ok(json) => *place = json,
            Err(reason) => missing.push(format!("the server cannot send the {name}: {reason}")),
        }
    }
    shown.unreadable = (!missing.is_empty()).then(|| missing.join("; "));
    Ok(shown)
}

/// What the server refuses to send leaves a transaction of the caller usable.
async fn fetch(
    connection: &mut PgConnection,
    statement: &'static str,
    id: &JobId,
) -> Result<Option<PgRow>, sqlx::Error> {
    let query = sqlx::query(statement).bind(id.as_str());
    if !connection.is_in_transaction() {
        return query.fetch_optional(connection).await;
    }
    let mut point = transaction::begin(connection).await?;
    let row = query.fetch_optional(&mut *point).await?;
    point.commit().await?;
    Ok(row)
}

async fn part(
    connection: &mut PgConnection,
    statement: &'static str,
    id: &JobId,
) -> Result<Result<Option<Box<RawValue>>, String>, Error> {
    match fetch(connection, statement, id).await {
        Ok(row) => {
            let json: Option<String> = row.map(|row| row.try_get(0)).transpose()?.flatten();
            Ok(Ok(json.map(document)))
        }
        Err(error) if cannot_be_sent(&error) => Ok(Err(why_not_sent(&error))),
        Err(error) => Err(error.into()),
    }
}

/// Selects jobs to list; the default is the newest 50.
#[derive(Debug, Clone)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs under this topic.
    pub topic: Option<Topic>,
    /// Only jobs older than this one, the last job of the previous page.
    pub before: Option<JobId>,
    /// The maximum number of jobs, 1 to 1000.
    pub num: u16,
}

impl Default for JobFilter {
    fn default() -> Self {
        JobFilter { state: None, topic: None, before: None, num: 50 }
    }
}

const PAGE: &str = job_query!("left(a.traceback, 4000)", "", "jobs.find($1, $2, $3, $4) a");

/// Sorts after every id, whatever its first character.
const LAST: &str = "\u{10ffff}\u{10ffff}";

pub(crate) async fn find(connection: &mut PgConnection, filter: &JobFilter) -> Result<Vec<JobRow>, Error> {
    let rows = sqlx::query(PAGE)
        .bind(filter.state.map(JobState::as_str))
        .bind(filter.topic.as_ref().map(Topic::as_str))
        .bind(filter.before.as_ref().map_or(LAST, JobId::as_str))
        .bind(i32::from(filter.num.clamp(1, 1000)))
        .fetch_all(connection)
        .await?;
    // A run that is null has a null id as well.
    let is_there = |row: &&PgRow| !matches!(row.try_get::<Option<&str>, _>(0), Ok(None));
    rows.iter().filter(is_there).map(job).collect()
}
