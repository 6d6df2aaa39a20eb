//! Reading: jobs, counts, workers, tasks.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::Error;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::options::{Check, Keep};
use crate::topic::Topic;

/// A job as `jobs.all` shows it, wherever it stands.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JobRow {
    /// Its id.
    pub job_id: JobId,
    /// The task name it was published under.
    pub task: String,
    /// Where it stands.
    pub state: JobState,
    /// The published arguments.
    pub body: Option<Value>,
    /// What it returned.
    pub result: Option<Value>,
    /// Its last error.
    pub traceback: Option<String>,
    /// Starts so far, counted or not.
    pub attempt: i32,
    /// Failed runs that another one followed; the run that ended the job as failed is not among them.
    pub retries: i32,
    /// Runs in all: 3 means at most three.
    pub max_retries: i32,
    /// Greater runs first.
    pub priority: i32,
    /// Seconds that a run may take.
    pub timeout: f64,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// It does not run before this.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// When its last run was claimed.
    pub run_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub complete_on: Option<DateTime<Utc>>,
    /// The worker that holds it or ended it.
    pub worker: Option<Uuid>,
}

const JOB_COLUMNS: usize = 16;

macro_rules! job_query {
    ($from:literal) => {
        concat!(
            "select a.job_id, a.task, a.status, a.body, a.result, a.traceback, a.attempt, a.retries, \
             a.max_retries, a.priority, a.timeout::float8, a.created_at, a.scheduled_at, a.run_at, \
             a.complete_on, a.worker from ",
            $from
        )
    };
}

fn job(row: &PgRow) -> Result<JobRow, Error> {
    debug_assert_eq!(row.len(), JOB_COLUMNS);
    Ok(JobRow {
        job_id: JobId::from_database(row.try_get(0)?),
        task: row.try_get(1)?,
        state: row.try_get::<&str, _>(2)?.parse()?,
        body: row.try_get(3)?,
        result: row.try_get(4)?,
        traceback: row.try_get(5)?,
        attempt: row.try_get(6)?,
        retries: row.try_get(7)?,
        max_retries: row.try_get(8)?,
        priority: row.try_get(9)?,
        timeout: row.try_get(10)?,
        created_at: row.try_get(11)?,
        scheduled_at: row.try_get(12)?,
        run_at: row.try_get(13)?,
        complete_on: row.try_get(14)?,
        worker: row.try_get(15)?,
    })
}

pub(crate) async fn get(connection: &mut PgConnection, id: &JobId) -> Result<JobRow, Error> {
    let row = sqlx::query(job_query!("jobs.get($1) a")).bind(id.as_str()).fetch_optional(connection).await?;
    row.as_ref().map_or_else(|| Err(Error::UnknownJob(id.clone())), job)
}

/// Which jobs to list; the default is the newest 50.
#[derive(Debug, Clone)]
pub struct JobFilter {
    /// Only those in this state.
    pub state: Option<JobState>,
    /// Only those under this topic.
    pub topic: Option<Topic>,
    /// Only those older than this job: the last of the page before.
    pub before: Option<JobId>,
    /// At most so many, 1 to 1000.
    pub num: u16,
}

impl Default for JobFilter {
    fn default() -> Self {
        JobFilter { state: None, topic: None, before: None, num: 50 }
    }
}

pub(crate) async fn find(connection: &mut PgConnection, filter: &JobFilter) -> Result<Vec<JobRow>, Error> {
    let rows = sqlx::query(job_query!("jobs.find($1, $2, $3, $4) a"))
        .bind(filter.state.map(JobState::as_str))
        .bind(filter.topic.as_ref().map(Topic::as_str))
        .bind(filter.before.as_ref().map(JobId::as_str))
        .bind(i32::from(filter.num.clamp(1, 1000)))
        .fetch_all(connection)
        .await?;
    rows.iter().map(job).collect()
}

/// How many jobs of one task stand where; counts that reach 100,000 are lower bounds.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct TaskCounts {
    /// The task.
    pub task: String,
    /// Pending, and due.
    pub ready: i64,
    /// Pending, for later.
    pub scheduled: i64,
    /// Held by a worker.
    pub running: i64,
    /// Ended with a result.
    pub success: i64,
    /// Ended without one.
    pub failed: i64,
    /// Ended by request.
    pub cancelled: i64,
    /// When the oldest ready one was published.
    pub oldest_ready: Option<DateTime<Utc>>,
}

const OVERVIEW: &str = "select o.task, o.ready, o.scheduled, o.running, o.success, o.failed, o.cancelled, \
     o.oldest_ready from jobs.overview() o";

pub(crate) async fn overview(connection: &mut PgConnection) -> Result<Vec<TaskCounts>, Error> {
    let rows = sqlx::query(OVERVIEW).fetch_all(connection).await?;
    let counts = |row: &PgRow| {
        Ok(TaskCounts {
            task: row.try_get(0)?,
            ready: row.try_get(1)?,
            scheduled: row.try_get(2)?,
            running: row.try_get(3)?,
            success: row.try_get(4)?,
            failed: row.try_get(5)?,
            cancelled: row.try_get(6)?,
            oldest_ready: row.try_get(7)?,
        })
    };
    rows.iter().map(counts).collect()
}

/// A registered worker.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct WorkerRow {
    /// Its id, new at every start.
    pub id: Uuid,
    /// The machine it runs on.
    pub host: String,
    /// Its process there.
    pub pid: i32,
    /// The version of pgjobs in it.
    pub version: String,
    /// The topics it was scoped to; empty means all.
    pub topics: Vec<String>,
    /// The task names it claims, aliases included.
    pub tasks: Vec<String>,
    /// Jobs that it runs at once.
    pub slots: i32,
    /// Jobs that it holds now, running or next in line.
    pub held: i64,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Its last sign of life.
    pub heartbeat_at: DateTime<Utc>,
    /// Whether that is recent enough.
    pub alive: bool,
}

const WORKERS: &str = "select w.id, w.host, w.pid, w.version, w.topics, w.tasks, w.slots, w.held, \
     w.started_at, w.heartbeat_at, w.alive from jobs.workers() w";

pub(crate) async fn workers(connection: &mut PgConnection) -> Result<Vec<WorkerRow>, Error> {
    let rows = sqlx::query(WORKERS).fetch_all(connection).await?;
    let worker = |row: &PgRow| {
        Ok(WorkerRow {
            id: row.try_get(0)?,
            host: row.try_get(1)?,
            pid: row.try_get(2)?,
            version: row.try_get(3)?,
            topics: row.try_get(4)?,
            tasks: row.try_get(5)?,
            slots: row.try_get(6)?,
            held: row.try_get(7)?,
            started_at: row.try_get(8)?,
            heartbeat_at: row.try_get(9)?,
            alive: row.try_get(10)?,
        })
    };
    rows.iter().map(worker).collect()
}

/// A task that workers declared, or that has jobs ready though nobody declared it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct TaskRow {
    /// Its name.
    pub name: String,
    /// Earlier names.
    pub aliases: Vec<String>,
    /// Its documentation.
    pub doc: String,
    /// JSON Schema of its arguments.
    pub args_schema: Option<Value>,
    /// JSON Schema of its result.
    pub result_schema: Option<Value>,
    /// Runs in all, unless the job says otherwise.
    pub retries: Option<i32>,
    /// Seconds that a run may take, unless the job says otherwise.
    pub timeout: Option<f64>,
    /// Greater runs first, unless the job says otherwise.
    pub priority: Option<i32>,
    /// Which of its ended jobs stay in history; none was said of a task that nobody declared.
    pub keep: Option<Keep>,
    /// What happens to a job of it that does not fit its arguments when it is published.
    pub check: Option<Check>,
    /// Whether a worker ever declared it.
    pub declared: bool,
    /// How many live workers have it.
    pub workers: i64,
}

const TASKS: &str = "select t.name, coalesce(t.aliases, '{}'), coalesce(t.doc, ''), t.args_schema, \
     t.result_schema, t.retries, t.timeout::float8, t.priority, t.keep, t.check_mode, t.declared, t.workers \
     from jobs.tasks() t";

pub(crate) async fn tasks(connection: &mut PgConnection) -> Result<Vec<TaskRow>, Error> {
    let rows = sqlx::query(TASKS).fetch_all(connection).await?;
    let task = |row: &PgRow| {
        Ok(TaskRow {
            name: row.try_get(0)?,
            aliases: row.try_get(1)?,
            doc: row.try_get(2)?,
            args_schema: row.try_get(3)?,
            result_schema: row.try_get(4)?,
            retries: row.try_get(5)?,
            timeout: row.try_get(6)?,
            priority: row.try_get(7)?,
            keep: row.try_get::<Option<&str>, _>(8)?.map(str::parse).transpose()?,
            check: row.try_get::<Option<&str>, _>(9)?.map(str::parse).transpose()?,
            declared: row.try_get(10)?,
            workers: row.try_get(11)?,
        })
    };
    rows.iter().map(task).collect()
}
