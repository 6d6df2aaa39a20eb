//! What callers wait for, and how it stands.

use crate::db::results::Standing;
use crate::db::workflow::WorkflowStanding;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::workflow_error::WorkflowError;

/// A job; or a workflow, or the node of this name of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Job(JobId),
    Workflow(i64, Option<String>),
}

/// How it stands.
#[derive(Debug, Clone)]
pub(crate) enum Stand {
    Job(Standing),
    Workflow(WorkflowStanding),
}

impl Stand {
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Stand::Job(job) => job.state.has_ended(),
            Stand::Workflow(workflow) => workflow.has_ended(),
        }
    }
}

impl Subject {
    /// The error of one that does not exist; `known`: that did.
    pub(super) fn missing(&self, known: bool) -> Error {
        match self {
            Subject::Job(id) if known => Error::NotKept(id.clone()),
            Subject::Job(id) => Error::UnknownJob(id.clone()),
            Subject::Workflow(id, None) => WorkflowError::Unknown(*id).into(),
            Subject::Workflow(id, Some(node)) => {
                WorkflowError::UnknownNode { workflow: *id, node: node.clone() }.into()
            }
        }
    }

    /// The error of one that has not ended in time.
    pub(super) fn late(&self) -> Error {
        match self {
            Subject::Job(id) => Error::WaitTimeout(id.clone()),
            Subject::Workflow(id, _) => WorkflowError::Timeout(*id).into(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Subject::Job(id) => id.as_str().len(),
            Subject::Workflow(_, node) => 8 + node.as_ref().map_or(0, String::len),
        }
    }
}
