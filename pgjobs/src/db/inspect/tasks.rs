//! Queries for the declared tasks.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::db::read::{cannot_be_sent, document};
use crate::types::error::Error;
use crate::types::options::{Keep, Validation};

/// A task that workers declared, or that has ready jobs although no worker declared it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct TaskRow {
    /// Its name.
    pub name: String,
    /// Earlier names.
    pub aliases: Vec<String>,
    /// Its documentation.
    pub doc: String,
    /// Its parameters in the order of the function; `None` for a task whose worker declared no order.
    pub params: Option<Vec<TaskParam>>,
    /// Whether it takes keyword arguments of any name.
    pub extra_kwargs: bool,
    /// JSON Schema of its arguments, as the database writes it; `None` when a JSON library cannot read it.
    pub args_schema: Option<Box<RawValue>>,
    /// JSON Schema of its result, as the database writes it; `None` when a JSON library cannot read it.
    pub result_schema: Option<Box<RawValue>>,
    /// The maximum number of runs, unless the job sets its own.
    pub retries: Option<i32>,
    /// The time limit of a run in seconds, unless the job sets its own.
    pub timeout: Option<f64>,
    /// How soon a job has to end after it is due, in seconds; `None`: nothing is declared.
    pub slo: Option<f64>,
    /// Jobs with a greater priority run first; unless the job sets its own.
    pub priority: Option<i32>,
    /// Which of its ended jobs stay in history; `None` for a task that no worker declared.
    pub keep: Option<Keep>,
    /// What publishing does with a job whose arguments do not fit the signature.
    pub validation: Option<Validation>,
    /// Whether a worker has ever declared it.
    pub declared: bool,
    /// The number of live workers that have it.
    pub workers: i64,
    /// How its jobs are unique, as the task declares it (docs/src/unique.md); `None`: they are not.
    pub unique: Option<Box<RawValue>>,
    /// Whether a pause keeps its jobs from being claimed ([`pauses`](crate::inspect::pauses)).
    pub paused: bool,
}

/// A parameter of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskParam {
    /// The name, used as the keyword.
    pub name: String,
    /// The type as the worker's language writes it.
    #[serde(rename = "type", default)]
    pub ty: String,
    /// Whether a body must contain it.
    #[serde(default)]
    pub required: bool,
}

macro_rules! task_query {
    ($documents:literal, $of:literal) => {
        concat!(
            "select t.name, array(select a from unnest(t.aliases) a where a is not null), coalesce(t.doc, ''), ",
            $documents,
            ", t.retries, t.timeout::float8, t.priority, t.keep, t.validation, t.declared, t.workers, \
             coalesce(t.extra_kwargs, false), t.unique_by::text, t.paused, t.slo::float8 from jobs.tasks() t",
            $of
        )
    };
}

const WHOLE: &str = task_query!("t.args_schema::text, t.result_schema::text, t.params::text", "");
#[cfg(any(feature = "cli", feature = "web"))]
const SIGNATURES: &str = task_query!("null::text, null::text, t.params::text", "");
const BARE: &str = task_query!("null::text, null::text, null::text", "");
const WHOLE_ONE: &str =
    task_query!("t.args_schema::text, t.result_schema::text, t.params::text", " where t.name = $1");

pub(crate) async fn tasks(connection: &mut PgConnection) -> Result<Vec<TaskRow>, Error> {
    all(connection, WHOLE).await
}

/// The tasks without their schemas, which may be large.
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) async fn signatures(connection: &mut PgConnection) -> Result<Vec<TaskRow>, Error> {
    all(connection, SIGNATURES).await
}

/// Reads all tasks. If the server cannot send them at once, reads them one by one, and leaves out the schemas
/// of a task that it cannot send.
async fn all(connection: &mut PgConnection, statement: &'static str) -> Result<Vec<TaskRow>, Error> {
    let rows = match sqlx::query(statement).fetch_all(&mut *connection).await {
        Err(error) if cannot_be_sent(&error) => sqlx::query(BARE).fetch_all(&mut *connection).await?,
        rows => return rows?.iter().map(task).collect(),
    };
    let mut tasks: Vec<TaskRow> = rows.iter().map(task).collect::<Result<_, Error>>()?;
    for row in tasks.iter_mut().filter(|row| row.declared) {
        match sqlx::query(WHOLE_ONE).bind(&row.name).fetch_optional(&mut *connection).await {
            Ok(Some(whole)) => *row = task(&whole)?,
            Err(error) if !cannot_be_sent(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(tasks)
}

/// The schema, if a JSON library can read it: programs get the list of tasks as one document.
fn schema(json: String) -> Option<Box<RawValue>> {
    serde_json::from_str::<serde_json::Value>(&json).ok().map(|_| document(json))
}

/// Decodes a row. A value that this version does not know, declared by a newer version or another language,
/// is left out, not the task.
fn task(row: &PgRow) -> Result<TaskRow, Error> {
    let text = |at: usize| row.try_get::<Option<String>, _>(at);
    Ok(TaskRow {
        name: row.try_get(0)?,
        aliases: row.try_get(1)?,
        doc: row.try_get(2)?,
        args_schema: text(3)?.and_then(schema),
        result_schema: text(4)?.and_then(schema),
        params: text(5)?.and_then(|params| serde_json::from_str(&params).ok()),
        slo: row.try_get(16)?,
        retries: row.try_get(6)?,
        timeout: row.try_get(7)?,
        priority: row.try_get(8)?,
        keep: text(9)?.and_then(|keep| keep.parse().ok()),
        validation: text(10)?.and_then(|check| check.parse().ok()),
        declared: row.try_get(11)?,
        workers: row.try_get(12)?,
        extra_kwargs: row.try_get(13)?,
        unique: text(14)?.and_then(schema),
        paused: row.try_get(15)?,
    })
}
