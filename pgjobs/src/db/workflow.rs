//! SQL calls for workflows.

mod row;
mod standing;

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::admin;
use super::explain::Reason;
use super::pooler::Statements;
use super::refusal::lost;
use super::workflow_read::{self, NodeRow, WorkflowRow};
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::workflow_error::WorkflowError;

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
    query.execute(connection).await.map_err(|error| lost(job.0, error.into()))?;
    Ok(())
}

/// Whether a workflow or a node was asked for that does not exist.
pub(crate) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Refused { code, .. } if code == "PT404")
}

/// The error of a query about one workflow.
fn of(id: i64, error: impl Into<Error>) -> Error {
    let error = error.into();
    if is_unknown(&error) { WorkflowError::Unknown(id).into() } else { error }
}

pub(crate) async fn get(connection: &mut PgConnection, id: i64) -> Result<WorkflowRow, Error> {
    workflow_read::workflow(connection, id).await.map_err(|error| of(id, error))
}

pub(crate) async fn nodes(connection: &mut PgConnection, id: i64) -> Result<Vec<NodeRow>, Error> {
    workflow_read::nodes(connection, id).await.map_err(|error| of(id, error))
}

/// The results of the jobs of a node from the one after this position on, at most so many.
pub(crate) async fn results(
    connection: &mut PgConnection,
    id: i64,
    node: &str,
    after: i32,
    number: i32,
) -> Result<Vec<ResultRow>, Error> {
    const RESULTS: &str = "select r.nth, r.job_id, r.result::text, r.error, r.state from jobs.node_results($1, $2, $3, $4) r order by r.nth";
    let rows = sqlx::query(RESULTS).bind(id).bind(node).bind(after).bind(number);
    rows.fetch_all(connection).await?.iter().map(row::result).collect()
}

pub(crate) async fn result(connection: &mut PgConnection, id: i64) -> Result<WorkflowResult, Error> {
    const RESULT: &str = "select r.state, r.result::text, r.reason from jobs.workflow_result($1) r";
    let row = sqlx::query(RESULT).bind(id).fetch_one(connection).await;
    row::workflow_result(&row.map_err(|error| of(id, error))?)
}

/// Returns how many nodes were cancelled; their runs have 5 s to stop.
pub(crate) async fn cancel(
    database: impl PgExecutor<'_>,
    id: i64,
    node: Option<&str>,
    reason: &str,
) -> Result<i64, Error> {
    let cancelled = admin::workflow::cancel(database, id, node, Some(reason), Duration::from_secs(5)).await;
    cancelled.map_err(|error| of(id, error))
}

/// Returns the jobs that run again.
pub(crate) async fn retry(database: impl PgExecutor<'_>, id: i64) -> Result<Vec<JobId>, Error> {
    admin::workflow::retry(database, id, None, None).await.map_err(|error| of(id, error))
}

pub(crate) async fn explain(
    connection: &mut PgConnection,
    id: i64,
    node: Option<&str>,
) -> Result<Vec<Reason>, Error> {
    workflow_read::explain(connection, id, node).await.map_err(|error| of(id, error))
}
