//! What goes wrong with a workflow.

use std::fmt;

use super::workflow::{NodeState, WorkflowState};

/// What goes wrong with a workflow, see [`Error::Workflow`](crate::Error::Workflow). Other mistakes in a flow
/// (a name twice, a cycle) are refused by the database, which names the node:
/// [`Error::Refused`](crate::Error::Refused).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkflowError {
    /// A node of a flow cannot be published.
    Node {
        /// Its name.
        node: String,
        /// What is wrong with it, and the remedy.
        reason: String,
    },
    /// There is no workflow with this id, or no longer.
    Unknown(i64),
    /// A workflow has ended, and not as a success.
    Ended {
        /// Its id.
        workflow: i64,
        /// How it ended.
        state: WorkflowState,
        /// Why.
        reason: Option<String>,
    },
    /// A node has no result: it did not end as a success, or its workflow has ended before it ran.
    NoResult {
        /// The workflow's id.
        workflow: i64,
        /// The node.
        node: String,
        /// Its state.
        state: NodeState,
        /// The error of its job, or why it has none.
        reason: Option<String>,
    },
    /// A workflow has no node of this name.
    UnknownNode {
        /// The workflow's id.
        workflow: i64,
        /// The name.
        node: String,
    },
    /// A workflow, or a node of it, did not end within the limit of the wait.
    Timeout(i64),
    /// A workflow cannot be kept until a run succeeds ([`Job::on_success`](crate::Job::on_success)), since its
    /// id is wanted at once. Publish it on the transaction that ends the job
    /// ([`Job::finish`](crate::Job::finish)).
    OnSuccess,
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |f: &mut fmt::Formatter<'_>, reason: &Option<String>| match reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        };
        match self {
            WorkflowError::Node { node, reason } => write!(f, "node `{}`: {reason}", node.escape_debug()),
            WorkflowError::Unknown(id) => write!(f, "no workflow {id}: check the id, or it ended long ago"),
            WorkflowError::Ended { workflow, state, reason } => {
                write!(f, "workflow {workflow} ended as {state}")?;
                because(f, reason)
            }
            WorkflowError::NoResult { workflow, node, state, reason } => {
                write!(f, "node `{}` of workflow {workflow} is {state}", node.escape_debug())?;
                because(f, reason)
            }
            WorkflowError::UnknownNode { workflow, node } => {
                let node = node.escape_debug();
                write!(f, "workflow {workflow} has no node `{node}`; `pgjobs workflow show {workflow}` lists its nodes")
            }
            WorkflowError::OnSuccess => f.write_str(
                "a workflow is not published on the success of a run: publish it on the transaction that ends the job (`Job::finish`)",
            ),
            WorkflowError::Timeout(id) => {
                write!(
                    f,
                    "workflow {id} has not come that far within the time given; `pgjobs workflow show {id}` says what it waits for"
                )
            }
        }
    }
}

impl std::error::Error for WorkflowError {}
