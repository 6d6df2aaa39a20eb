//! Results of workflows as they come from the database.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::workflow::{NodeState, WorkflowState};

/// What a job of a node left.
pub(crate) struct ResultRow {
    pub(crate) nth: i32,
    pub(crate) job_id: Option<JobId>,
    /// JSON text.
    pub(crate) result: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) state: NodeState,
}

/// The result of a workflow, as JSON text.
pub(crate) struct WorkflowResult {
    pub(crate) state: WorkflowState,
    pub(crate) result: Option<String>,
    pub(crate) reason: Option<String>,
}

pub(super) fn result(row: &PgRow) -> Result<ResultRow, Error> {
    Ok(ResultRow {
        nth: row.try_get(0)?,
        job_id: row.try_get::<Option<String>, _>(1)?.map(JobId::from_database),
        result: row.try_get(2)?,
        error: row.try_get(3)?,
        state: row.try_get::<&str, _>(4)?.parse()?,
    })
}

pub(super) fn workflow_result(row: &PgRow) -> Result<WorkflowResult, Error> {
    Ok(WorkflowResult {
        state: row.try_get::<&str, _>(0)?.parse()?,
        result: row.try_get(1)?,
        reason: row.try_get(2)?,
    })
}
