//! Where a job stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobState {
    /// Waiting for a worker, or for its time.
    Pending,
    /// Held by a worker under a lease.
    Running,
    /// Ended with a result.
    Success,
    /// Ended without one: all runs used up, or a fatal error.
    Failed,
    /// Ended by someone's request.
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

    /// Whether no further run follows by itself.
    pub fn has_ended(self) -> bool {
        matches!(self, JobState::Success | JobState::Failed | JobState::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
