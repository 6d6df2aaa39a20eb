//! The id of a job.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of a job: 32 hexadecimal digits, unguessable, ordered by time of publishing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Wraps an id that is known to be valid.
    pub(crate) fn from_database(id: String) -> Self {
        JobId(id)
    }

    /// Generates an id, for a call whose job reaches the database later (see [`crate::Tx`]).
    pub(crate) fn generate() -> Self {
        JobId(Uuid::now_v7().simple().to_string())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
