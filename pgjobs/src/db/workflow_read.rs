//! What is read of workflows and their nodes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::explain::{Reason, reasons};
use super::read::{document, maybe_time, time};
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::workflow::{NodeState, OnFailure, WorkflowState};

/// A workflow, and how far it is.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct WorkflowRow {
    /// Its number.
    pub id: i64,
    /// Its name; several workflows may have the same.
    pub name: Option<String>,
    /// Its state. One that failed goes on when it is retried.
    pub state: WorkflowState,
    /// Why it is in this state, if something is said of that.
    pub reason: Option<String>,
    /// What the failure of a node does to those that wait for it.
    pub on_failure: OnFailure,
    /// What its publisher noted.
    pub meta: Option<Box<RawValue>>,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// Since when nothing goes on by itself.
    pub ended_at: Option<DateTime<Utc>>,
    /// What has not ended then is cancelled.
    pub deadline: Option<DateTime<Utc>>,
    /// How many nodes it has.
    pub nodes: i32,
    /// Those that wait or run.
    pub open: i32,
    /// Those that failed, and that no edge continues.
    pub failed: i32,
    /// Those that run.
    pub running: i32,
}

/// A node of a workflow: one job, or a group of jobs of one task.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NodeRow {
    /// Its number.
    pub id: i64,
    /// Its name in the workflow.
    pub name: String,
    /// The task of its jobs.
    pub task: String,
    /// Its state.
    pub state: NodeState,
    /// Why it was skipped or cancelled, or failed without a job.
    pub reason: Option<String>,
    /// The jobs that it has published.
    pub jobs: i32,
    /// Those of them that have not ended.
    pub open: i32,
    /// Those that failed or were cancelled.
    pub failed: i32,
    /// Whether it is a group, whose result is an array.
    pub is_group: bool,
    /// Of one job, once it is published: its id.
    pub job_id: Option<JobId>,
    /// When its jobs were published.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last of them ended, or it was skipped or cancelled.
    pub ended_at: Option<DateTime<Utc>>,
    /// After which nodes it comes.
    pub after: Vec<NodeEdge>,
}

#[cfg(all(test, feature = "cli"))]
impl NodeRow {
    /// A node of one job of the task `demo`.
    pub(crate) fn for_tests(name: &str, state: NodeState, after: Vec<NodeEdge>) -> Self {
        NodeRow {
            id: 1,
            name: name.to_owned(),
            task: "demo".to_owned(),
            state,
            reason: None,
            jobs: 0,
            open: 0,
            failed: 0,
            is_group: false,
            job_id: None,
            started_at: None,
            ended_at: None,
            after,
        }
    }
}

/// An edge to a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeEdge {
    /// The node before it.
    pub node: String,
    /// What that has to do: `success`, `failure` or `ended`.
    pub when: String,
    /// What its failure does: `hold`, `cancel` or `continue`; `None`: as the workflow says.
    pub on_failure: Option<String>,
    /// What its result has to contain; `None` also for those who may not read results.
    pub condition: Option<Value>,
    /// `met` or `unmet`; `None`: not decided.
    pub state: Option<String>,
}

/// What came of one job of a node.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NodeResultRow {
    /// The position of the job in its group, from 0.
    pub nth: i32,
    /// The job.
    pub job_id: Option<JobId>,
    /// Its result; `None` when it failed, or gave none.
    pub result: Option<Box<RawValue>>,
    /// The error with which it ended.
    pub error: Option<String>,
    /// `success`, `failed` or `cancelled`.
    pub state: NodeState,
}

/// Which workflows [`workflows`](crate::inspect::workflows) returns. The default: the newest 50.
#[derive(Debug, Clone)]
pub struct WorkflowFilter {
    /// Those in this state.
    pub state: Option<String>,
    /// Those of this name, or of names that fit a pattern such as `import.*`.
    pub name: Option<String>,
    /// Those with smaller numbers: the last one of a page gives the next page.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u16,
}

impl Default for WorkflowFilter {
    fn default() -> Self {
        WorkflowFilter { state: None, name: None, before: None, limit: 50 }
    }
}

/// A statement that reads workflows of this source, named w.
macro_rules! workflows_from {
    ($source:literal) => {
        concat!(
            "select w.id, w.name, w.state, w.reason, w.on_failure, w.meta::text, w.created_at, w.ended_at, w.deadline, \
             w.nodes, w.open, w.failed, w.running from ",
            $source
        )
    };
}

pub(crate) async fn workflows(
    connection: &mut PgConnection,
    filter: &WorkflowFilter,
) -> Result<Vec<WorkflowRow>, Error> {
    let page = sqlx::query(workflows_from!("jobs.workflows($1, $2, $3, $4) w order by w.id desc"));
    let rows = page
        .bind(&filter.state)
        .bind(&filter.name)
        .bind(filter.before)
        .bind(i32::from(filter.limit))
        .fetch_all(connection)
        .await?;
    rows.iter().map(workflow_row).collect()
}

pub(crate) async fn workflow(connection: &mut PgConnection, id: i64) -> Result<WorkflowRow, Error> {
    let one = sqlx::query(workflows_from!("jobs.workflow($1) w"));
    workflow_row(&one.bind(id).fetch_one(connection).await?)
}

pub(crate) async fn nodes(connection: &mut PgConnection, id: i64) -> Result<Vec<NodeRow>, Error> {
    const NODES: &str = "select n.id, n.name, n.task, n.state, n.reason, n.jobs, n.open, n.failed, n.is_group, n.job_id, \
         n.started_at, n.ended_at, n.after::text from jobs.workflow_nodes($1) n order by n.id";
    sqlx::query(NODES).bind(id).fetch_all(connection).await?.iter().map(node_row).collect()
}

/// As people see them: without what the task declares as sensitive.
pub(crate) async fn results(
    connection: &mut PgConnection,
    id: i64,
    node: &str,
    after: i32,
    number: i32,
) -> Result<Vec<NodeResultRow>, Error> {
    const RESULTS: &str = "select r.nth, r.job_id, r.result::text, r.error, r.state from jobs.shown_node_results($1, $2, $3, $4) r order by r.nth";
    let query = sqlx::query(RESULTS).bind(id).bind(node).bind(after).bind(number);
    query.fetch_all(connection).await?.iter().map(result_row).collect()
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

fn workflow_row(row: &PgRow) -> Result<WorkflowRow, Error> {
    Ok(WorkflowRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        state: row.try_get::<&str, _>(2)?.parse()?,
        reason: row.try_get(3)?,
        on_failure: row.try_get::<&str, _>(4)?.parse()?,
        meta: row.try_get::<Option<String>, _>(5)?.map(document),
        created_at: time(row, 6)?,
        ended_at: maybe_time(row, 7)?,
        deadline: maybe_time(row, 8)?,
        nodes: row.try_get(9)?,
        open: row.try_get(10)?,
        failed: row.try_get(11)?,
        running: row.try_get(12)?,
    })
}

fn node_row(row: &PgRow) -> Result<NodeRow, Error> {
    Ok(NodeRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        task: row.try_get(2)?,
        state: row.try_get::<&str, _>(3)?.parse()?,
        reason: row.try_get(4)?,
        jobs: row.try_get(5)?,
        open: row.try_get(6)?,
        failed: row.try_get(7)?,
        is_group: row.try_get(8)?,
        job_id: row.try_get::<Option<String>, _>(9)?.map(JobId::from_database),
        started_at: maybe_time(row, 10)?,
        ended_at: maybe_time(row, 11)?,
        after: edges(row.try_get(12)?),
    })
}

/// One edge that cannot be read hides no other, and no node.
fn edges(json: &str) -> Vec<NodeEdge> {
    let edges: Vec<Box<RawValue>> = serde_json::from_str(json).unwrap_or_default();
    edges.iter().filter_map(|edge| serde_json::from_str(edge.get()).ok()).collect()
}

fn result_row(row: &PgRow) -> Result<NodeResultRow, Error> {
    Ok(NodeResultRow {
        nth: row.try_get(0)?,
        job_id: row.try_get::<Option<String>, _>(1)?.map(JobId::from_database),
        result: row.try_get::<Option<String>, _>(2)?.map(document),
        error: row.try_get(3)?,
        state: row.try_get::<&str, _>(4)?.parse()?,
    })
}
