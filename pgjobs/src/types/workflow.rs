//! The words of workflows, and what a node gets of a parent that failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job_id::JobId;
use super::words::words;

words! {
    /// The state of a workflow.
    WorkflowState, "state":
    /// Jobs of it run or will.
    Running = "running",
    /// A node failed and what had succeeded is being undone ([`OnFailure::Compensate`]).
    Compensating = "compensating",
    /// All nodes have ended, and none failed that nobody continued.
    Success = "success",
    /// Nothing runs any more, and a node has failed. A retry resumes it.
    Failed = "failed",
    /// Somebody cancelled it, or its deadline passed.
    Cancelled = "cancelled",
    /// A node failed, and what had succeeded is undone.
    Compensated = "compensated",
}

impl WorkflowState {
    /// Whether nothing of it happens any more by itself.
    pub const fn has_ended(self) -> bool {
        !matches!(self, WorkflowState::Running | WorkflowState::Compensating)
    }
}

/// The state of a node of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NodeState {
    /// Its parents have not ended; it is no job yet.
    Waiting,
    /// Its jobs are pending or run.
    Running,
    /// All of its jobs have succeeded.
    Success,
    /// A job of it has failed.
    Failed,
    /// It does not run: its condition was not met, or what it waited for did not happen.
    Skipped,
    /// It was cancelled: by somebody, by the failure of another node, by the deadline.
    Cancelled,
}

impl NodeState {
    /// The state's name, as SQL spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            NodeState::Waiting => "waiting",
            NodeState::Running => "running",
            NodeState::Success => "success",
            NodeState::Failed => "failed",
            NodeState::Skipped => "skipped",
            NodeState::Cancelled => "cancelled",
        }
    }

    /// Whether nothing of it happens any more, unless it is retried.
    pub const fn has_ended(self) -> bool {
        !matches!(self, NodeState::Waiting | NodeState::Running)
    }
}

impl std::fmt::Display for NodeState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

words! {
    /// What the failure of a node does to the nodes that need its success.
    ///
    /// Of a flow all five; of an edge the first three.
    OnFailure, "on_failure":
    /// They keep waiting, which is the default: the workflow ends as failed once nothing runs, and a retry of
    /// the failed job resumes it where it stopped.
    Hold = "hold",
    /// They are cancelled, and what comes after them; other branches go on.
    Cancel = "cancel",
    /// They run, and get the failure as their argument: `Result<T, NodeFailure>`.
    Continue = "continue",
    /// All that waits or runs is cancelled.
    CancelAll = "cancel_all",
    /// All that waits is cancelled; once nothing runs, the nodes that succeeded are undone, the last one
    /// first.
    Compensate = "compensate",
}

/// Why a node, or a job of a group, has no result: what a task gets that continues after failures, as
/// `Result<T, NodeFailure>`, or of a group `Vec<Result<T, NodeFailure>>`.
///
/// ```
/// use pgjobs::{TaskError, task, workflow::NodeFailure};
///
/// #[task]
/// async fn report(pages: Vec<Result<String, NodeFailure>>) -> Result<usize, TaskError> {
///     Ok(pages.iter().filter(|page| page.is_ok()).count())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct NodeFailure {
    /// The job; none when it never became one.
    #[serde(default)]
    pub job_id: Option<JobId>,
    /// Its last error, shortened; or why it did not run.
    #[serde(default, deserialize_with = "text_or_null")]
    pub error: String,
    /// Failed, cancelled or skipped.
    pub state: NodeState,
}

impl NodeFailure {
    /// A failure, for tests of tasks that get some.
    pub fn new(error: impl Into<String>) -> Self {
        NodeFailure { job_id: None, error: error.into(), state: NodeState::Failed }
    }
}

impl std::fmt::Display for NodeFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.job_id {
            Some(id) => write!(f, "job {id} ended as {}: {}", self.state, self.error),
            None => write!(f, "{}: {}", self.state, self.error),
        }
    }
}

impl std::error::Error for NodeFailure {}

fn text_or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_as_the_database_writes_it() {
        type Page = Result<i64, NodeFailure>;
        let pages: Vec<Page> = serde_json::from_str(
            r#"[{"Ok": 7}, {"Err": {"job_id": "a1", "error": "no paper", "state": "failed"}},
                {"Err": {"job_id": null, "error": null, "state": "skipped"}}]"#,
        )
        .unwrap();
        assert_eq!(pages[0], Ok(7));
        assert_eq!(pages[1].as_ref().unwrap_err().to_string(), "job a1 ended as failed: no paper");
        assert_eq!(pages[2].as_ref().unwrap_err().state, NodeState::Skipped);
    }
}
