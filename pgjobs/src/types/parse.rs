//! Parses ids, states and options from text of people and programs.

use std::str::FromStr;

use super::error::Error;
use super::job_id::JobId;
use super::job_state::JobState;
use super::options::Validation;
use super::workflow::NodeState;

impl FromStr for JobId {
    type Err = Error;

    /// Accepts the values that `job_id` allows: 1 to 32 letters and digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        let legal = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if legal {
            return Ok(JobId::from_database(text.to_owned()));
        }
        Err(Error::Option {
            name: "job id",
            reason: format!("`{}` is not 1 to 32 letters and digits", text.escape_debug()),
        })
    }
}

impl FromStr for JobState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "pending" => JobState::Pending,
            "running" => JobState::Running,
            "success" => JobState::Success,
            "failed" => JobState::Failed,
            "cancelled" => JobState::Cancelled,
            other => {
                let reason = format!("`{other}` is none of pending, running, success, failed, cancelled");
                return Err(Error::Option { name: "state", reason });
            }
        })
    }
}

impl FromStr for NodeState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        use NodeState::{Cancelled, Failed, Running, Skipped, Success, Waiting};
        let all = [Waiting, Running, Success, Failed, Skipped, Cancelled];
        all.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let words = all.map(NodeState::as_str).join(", ");
            Error::Option { name: "state", reason: format!("`{}` is none of {words}", text.escape_debug()) }
        })
    }
}

impl FromStr for Validation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "off" => Validation::Off,
            "warn" => Validation::Warn,
            "strict" => Validation::Strict,
            other => {
                let reason = format!("`{other}` is none of off, warn, strict");
                return Err(Error::Option { name: "validate", reason });
            }
        })
    }
}
