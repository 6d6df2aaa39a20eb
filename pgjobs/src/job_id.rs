//! The name of a job.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

/// The id of a job: 32 hexadecimal digits, unguessable, ordered by time of publishing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_database(id: String) -> Self {
        JobId(id)
    }

    /// An id made here, for a call whose job reaches the database later (see [`crate::Tx`]).
    pub(crate) fn generate() -> Self {
        JobId(Uuid::now_v7().simple().to_string())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JobId {
    type Err = Error;

    /// Accepts what may stand in `job_id`: 1 to 32 letters and digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        let legal = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if legal {
            return Ok(JobId(text.to_owned()));
        }
        Err(Error::Option {
            name: "job id",
            reason: format!("`{}` is not 1 to 32 letters and digits", text.escape_debug()),
        })
    }
}
