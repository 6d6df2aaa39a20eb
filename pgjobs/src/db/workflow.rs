//! SQL calls for workflows.

mod row;
mod standing;

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::explain::{Reason, reasons};
use super::pooler::Statements;
use crate::types::error::Error;
use crate::types::job_id::JobId;

pub use row::{EdgeRow, NodeRow, WorkflowRow};
pub(crate) use row::{ResultRow, WorkflowResult};
pub(crate) use standing::{WorkflowStanding, standings};

/// Publishes a workflow: the nodes and options as JSON text. Returns its id.
pub(crate) async fn publish(
    connection: &mut PgConnection,
    nodes: &str,
    name: Option<&str>,
    options: &str,
    statements: Statements,
) -> Result<i64, Error> {
    const PUBLISH: &str = "select jobs.publish_workflow($1::jsonb, $2, $3::jsonb)";
    let query = sqlx::query(PUBLISH).persistent(statements.are_named()).bind(nodes).bind(name).bind(options);
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// Adds nodes to the workflow of a running job; those named in `before` wait for them.
pub(crate) async fn add_nodes(
    connection: &mut PgConnection,
    job: (&JobId, Uuid),
    nodes: &str,
    before: Option<&str>,
    statements: Statements,
) -> Result<(), Error> {
    const ADD: &str = "select jobs.add_nodes($1, $2, $3::jsonb, \
         (select array_agg(b) from jsonb_array_elements_text($4::jsonb) b))";
    let query = sqlx::query(ADD).persistent(statements.are_named());
    let query = query.bind(job.0.as_str()).bind(job.1).bind(nodes).bind(before);
    query.execute(connection).await.map_err(|error| lost(job.0, error))?;
    Ok(())
}

fn lost(job: &JobId, error: sqlx::Error) -> Error {
    match error.as_database_error().and_then(|error| error.code()) {
        Some(code) if code == "PT409" => Error::LeaseLost(job.clone()),
        _ => error.into(),
    }
}

pub(crate) async fn get(connection: &mut PgConnection, id: i64) -> Result<Option<WorkflowRow>, Error> {
    let rows = sqlx::query(row::workflows_from!("jobs.workflow($1) w")).bind(id);
    rows.fetch_optional(connection).await?.as_ref().map(row::workflow).transpose()
}

pub(crate) async fn nodes(connection: &mut PgConnection, id: i64) -> Result<Vec<NodeRow>, Error> {
    let rows = sqlx::query(row::NODES).bind(id).fetch_all(connection).await?;
    rows.iter().map(row::node).collect()
}

/// The results of the jobs of a node from the one after this position on, at most so many.
pub(crate) async fn results(
    connection: &mut PgConnection,
    id: i64,
    node: &str,
    after: i32,
    number: i32,
) -> Result<Vec<ResultRow>, Error> {
    const RESULTS: &str = "select r.nth, r.job_id, r.result::text, r.error from jobs.node_results($1, $2, $3, $4) r order by r.nth";
    let rows = sqlx::query(RESULTS).bind(id).bind(node).bind(after).bind(number);
    rows.fetch_all(connection).await?.iter().map(row::result).collect()
}

pub(crate) async fn result(connection: &mut PgConnection, id: i64) -> Result<Option<WorkflowResult>, Error> {
    const RESULT: &str = "select r.state::text, r.result::text, r.reason from jobs.workflow_result($1) r";
    let row = sqlx::query(RESULT).bind(id).fetch_optional(connection).await?;
    row.as_ref().map(row::workflow_result).transpose()
}

/// Returns how many nodes were cancelled.
pub(crate) async fn cancel(
    database: impl PgExecutor<'_>,
    id: i64,
    node: Option<&str>,
    reason: Option<&str>,
) -> Result<i64, Error> {
    let call = sqlx::query("select jobs.cancel_workflow($1, $2, $3)").bind(id).bind(node).bind(reason);
    Ok(call.fetch_one(database).await?.try_get(0)?)
}

/// Returns the jobs that run again.
pub(crate) async fn retry(
    database: impl PgExecutor<'_>,
    id: i64,
    node: Option<&str>,
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    let call = sqlx::query("select jobs.retry_workflow($1, $2, $3)").bind(id).bind(node).bind(reason);
    let rows = call.fetch_all(database).await?;
    rows.iter().map(|row| Ok(JobId::from_database(row.try_get(0)?))).collect()
}

pub(crate) async fn explain(
    connection: &mut PgConnection,
    id: i64,
    node: Option<&str>,
) -> Result<Vec<Reason>, Error> {
    const EXPLAIN: &str =
        "select e.code, e.message, e.until, e.details::text from jobs.explain_workflow($1, $2) e";
    reasons(&sqlx::query(EXPLAIN).bind(id).bind(node).fetch_all(connection).await?)
}

/// JSON of the database; null where a library cannot read it.
fn json(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
