//! A published job, as a test looks at it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::TestError;
use crate::db::testing::PublishedRow;
use crate::task::definition::Task;
use crate::types::body;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::meta::TAGS;

/// A job of the task `T`, with its arguments and options; of
/// [`Database::published`](super::Database::published).
#[derive(Clone)]
#[non_exhaustive]
pub struct Published<T> {
    /// Its id.
    pub id: JobId,
    /// Its arguments.
    pub call: T,
    /// Its state now.
    pub state: JobState,
    /// Jobs with a greater priority run first.
    pub priority: i32,
    /// The maximum number of runs: 3 means at most three.
    pub max_retries: i32,
    /// The time limit of a run.
    pub timeout: Duration,
    /// When it was published, by the database's clock.
    pub created_at: DateTime<Utc>,
    /// The job does not run before this time; a retry and a snooze set it as well.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// The notes of its publisher.
    pub meta: Map<String, Value>,
}

impl<T> Published<T> {
    /// The tags of its publisher.
    pub fn tags(&self) -> Vec<String> {
        let tags = self.meta.get(TAGS).cloned();
        tags.and_then(|tags| serde_json::from_value(tags).ok()).unwrap_or_default()
    }
}

/// Shows the arguments as JSON, since the struct of a call need not be `Debug`.
impl<T: Serialize> fmt::Debug for Published<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = serde_json::to_string(&self.call).unwrap_or_else(|error| error.to_string());
        f.debug_struct("Published")
            .field("id", &self.id)
            .field("call", &format_args!("{call}"))
            .field("state", &self.state)
            .field("priority", &self.priority)
            .field("scheduled_at", &self.scheduled_at)
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

pub(super) fn read<T: Task + DeserializeOwned>(row: PublishedRow) -> Result<Published<T>, TestError> {
    let call = body::read(row.body.as_deref(), T::DEF.params, T::DEF.extra_kwargs).map_err(Error::Body)?;
    let meta = row.meta.and_then(|meta| serde_json::from_str(&meta).ok()).unwrap_or_default();
    Ok(Published {
        id: row.id,
        call,
        state: row.state,
        priority: row.priority,
        max_retries: row.max_retries,
        timeout: Duration::try_from_secs_f64(row.timeout).unwrap_or_default(),
        created_at: row.created_at,
        scheduled_at: row.scheduled_at,
        meta,
    })
}
