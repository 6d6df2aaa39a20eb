//! The states of a job.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobState {
    /// Waiting for a worker, or not due yet.
    Pending,
    /// Claimed by a worker under a lease.
    Running,
    /// Ended with a result.
    Success,
    /// Ended without a result: all runs used up, or a fatal error.
    Failed,
    /// Cancelled by request.
    Cancelled,
}

impl JobState {
    /// The state's name, as SQL spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Pending => "pending",
            JobState::Running => "running",
            JobState::Success => "success",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Whether the job has ended, so that it does not run again by itself.
    pub fn has_ended(self) -> bool {
        matches!(self, JobState::Success | JobState::Failed | JobState::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
