//! The rows of workflows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::json;
use crate::db::read::{maybe_time, time};
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::workflow::{NodeState, OnFailure, WorkflowState};

/// A workflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WorkflowRow {
    /// Its id.
    pub id: i64,
    /// As its publisher called it.
    pub name: Option<String>,
    /// Its state.
    pub state: WorkflowState,
    /// Why it is in this state, where that is to be said.
    pub reason: Option<String>,
    /// What the failure of a node does to those that need its success.
    pub on_failure: OnFailure,
    /// The notes of its publisher; null: none.
    pub meta: Value,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// Since when nothing of it happens any more.
    pub ended_at: Option<DateTime<Utc>>,
    /// When what has not ended is cancelled.
    pub deadline: Option<DateTime<Utc>>,
    /// How many nodes it has.
    pub nodes: i32,
    /// Nodes that wait or run.
    pub open: i32,
    /// Nodes that failed and that nobody continued.
    pub failed: i32,
    /// Nodes whose jobs are pending or run.
    pub running: i32,
}

/// A node of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeRow {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The task of its jobs.
    pub task: String,
    /// Its state.
    pub state: NodeState,
    /// Why it was skipped or cancelled, or failed without a job.
    pub reason: Option<String>,
    /// How many jobs it has become; 0 while it waits.
    pub jobs: i32,
    /// Of these, those that have not ended.
    pub open: i32,
    /// Of these, those that failed or were cancelled.
    pub failed: i32,
    /// Whether its result is an array.
    pub is_group: bool,
    /// Its job, if it is one job and has become it.
    pub job_id: Option<JobId>,
    /// When its parents were done.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last of its jobs ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it waits or waited for.
    pub after: Vec<EdgeRow>,
}

/// What a node waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EdgeRow {
    /// The parent.
    pub node: String,
    /// `success`, `failure` or `ended`.
    pub when: String,
    /// What the failure of the parent does, where the edge says so.
    #[serde(default)]
    pub on_failure: Option<String>,
    /// What the parent's result has to contain; null: anything.
    #[serde(default)]
    pub condition: Value,
    /// `met` or `unmet`; `None`: not decided.
    #[serde(default)]
    pub state: Option<String>,
}

/// What a job of a node left.
pub(crate) struct ResultRow {
    pub(crate) nth: i32,
    pub(crate) job_id: Option<JobId>,
    /// JSON text.
    pub(crate) result: Option<String>,
    pub(crate) error: Option<String>,
}

/// The result of a workflow, as JSON text.
pub(crate) struct WorkflowResult {
    pub(crate) state: WorkflowState,
    pub(crate) result: Option<String>,
    pub(crate) reason: Option<String>,
}

pub(super) fn workflow(row: &PgRow) -> Result<WorkflowRow, Error> {
    Ok(WorkflowRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        state: row.try_get::<&str, _>(2)?.parse()?,
        reason: row.try_get(3)?,
        on_failure: row.try_get::<&str, _>(4)?.parse()?,
        meta: json(row.try_get(5)?),
        created_at: time(row, 6)?,
        ended_at: maybe_time(row, 7)?,
        deadline: maybe_time(row, 8)?,
        nodes: row.try_get(9)?,
        open: row.try_get(10)?,
        failed: row.try_get(11)?,
        running: row.try_get(12)?,
    })
}

pub(super) const NODES: &str = "select n.id, n.name, n.task, n.state, n.reason, n.jobs, n.open, n.failed, \
     n.is_group, n.job_id, n.started_at, n.ended_at, n.after::text from jobs.workflow_nodes($1) n";

pub(super) fn node(row: &PgRow) -> Result<NodeRow, Error> {
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
        after: serde_json::from_value(json(row.try_get(12)?)).unwrap_or_default(),
    })
}

pub(super) fn result(row: &PgRow) -> Result<ResultRow, Error> {
    Ok(ResultRow {
        nth: row.try_get(0)?,
        job_id: row.try_get::<Option<String>, _>(1)?.map(JobId::from_database),
        result: row.try_get(2)?,
        error: row.try_get(3)?,
    })
}

pub(super) fn workflow_result(row: &PgRow) -> Result<WorkflowResult, Error> {
    Ok(WorkflowResult {
        state: row.try_get::<&str, _>(0)?.parse()?,
        result: row.try_get(1)?,
        reason: row.try_get(2)?,
    })
}
