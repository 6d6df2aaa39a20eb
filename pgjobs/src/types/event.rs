//! Events: what becomes of jobs, as those who watch hear it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::Error;
use super::job_id::JobId;
use super::position::Position;
use super::topic::Topic;

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// It was published, or is pending again: a worker handed it back, or somebody retried it.
    Queued,
    /// A worker or another client has it.
    Picked,
    /// Its run says how far it is.
    Progress,
    /// It ended with a result.
    Completed,
    /// It ended without a result: its last run failed.
    Failed,
    /// A run failed, and it runs again.
    Retried,
    /// Its run asked to be repeated later.
    Snoozed,
    /// Somebody cancelled it, or purged it.
    Cancelled,
    /// Not of a job: a workflow has ended, or failed and waits for a retry. The task is `workflow.` and its
    /// name, [`job_id`](Event::job_id) its number.
    WorkflowEnded,
}

impl EventKind {
    /// All kinds, in the order of a job's life.
    pub const ALL: [EventKind; 9] = [
        EventKind::Queued,
        EventKind::Picked,
        EventKind::Progress,
        EventKind::Completed,
        EventKind::Failed,
        EventKind::Retried,
        EventKind::Snoozed,
        EventKind::Cancelled,
        EventKind::WorkflowEnded,
    ];

    /// The name, as SQL spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Queued => "queued",
            EventKind::Picked => "picked",
            EventKind::Progress => "progress",
            EventKind::Completed => "completed",
            EventKind::Failed => "failed",
            EventKind::Retried => "retried",
            EventKind::Snoozed => "snoozed",
            EventKind::Cancelled => "cancelled",
            EventKind::WorkflowEnded => "workflow_ended",
        }
    }

    /// Whether the job has ended with it, so that it does not run again by itself.
    pub fn is_end(self) -> bool {
        matches!(self, EventKind::Completed | EventKind::Failed | EventKind::Cancelled)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        EventKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let all = EventKind::ALL.map(EventKind::as_str).join(", ");
            Error::Option { name: "kind", reason: format!("`{}` is none of {all}", text.escape_debug()) }
        })
    }
}

/// Something that happened to a job.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// After this event; continue here to hear what came next.
    pub position: Position,
    /// When it happened, by the database's clock.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: EventKind,
    /// The task, under the name with which the job was published.
    pub task: String,
    /// The job.
    pub job_id: JobId,
    /// The run that it is about, from 1; 0 before the first.
    pub attempt: i32,
    /// What kind of error ended the run: `timeout`, `panic`, `lost`, `expired`, the name of an exception of
    /// another language, or `error`. Never its text, which may have arguments in it.
    pub error: Option<String>,
    /// Of progress: how much is done.
    pub done: Option<f64>,
    /// Of progress: how much there is to do, if that is known.
    pub total: Option<f64>,
    /// Of progress: what the task says to it; `None` also for a database role that may not read logs.
    pub note: Option<String>,
    /// Of a cancelled job: it was purged, and nothing is left of it.
    pub is_purged: bool,
    /// Of a workflow that has ended: `success`, `failed`, `cancelled` or `compensated`.
    pub state: Option<String>,
    /// What the publisher noted on the job, a JSON object.
    pub meta: Option<Box<RawValue>>,
}

/// What an event has beside its columns.
#[derive(Default, Deserialize)]
pub(crate) struct Details {
    pub(crate) error: Option<String>,
    pub(crate) done: Option<f64>,
    pub(crate) total: Option<f64>,
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) purged: bool,
    pub(crate) state: Option<String>,
    pub(crate) meta: Option<Box<RawValue>>,
}

impl Event {
    /// A note of the job's publisher (`.meta(key, value)`); `None` when there is none under this key.
    ///
    /// A program decides by it who may hear of the job.
    pub fn meta(&self, key: &str) -> Option<Value> {
        let meta: Map<String, Value> = serde_json::from_str(self.meta.as_ref()?.get()).ok()?;
        meta.get(key).cloned()
    }

    /// The part that is done, 0 to 1; `None` unless it is progress whose total is known and not zero.
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0.0)?;
        Some((self.done? / total).clamp(0.0, 1.0))
    }
}

/// Which events a subscriber hears.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventFilter {
    /// Tasks under one of these; empty: all.
    pub(crate) topics: Vec<Topic>,
    /// Empty: all.
    pub(crate) kinds: Vec<EventKind>,
    /// One job; `None`: all.
    pub(crate) job: Option<JobId>,
}

impl EventFilter {
    pub(crate) fn holds(&self, event: &Event) -> bool {
        (self.topics.is_empty() || self.topics.iter().any(|topic| topic.holds(&event.task)))
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && self.job.as_ref().is_none_or(|job| *job == event.job_id)
    }

    /// The pattern by which the database may leave out others.
    pub(crate) fn topic(&self) -> &str {
        match self.topics.as_slice() {
            [topic] => topic.as_str(),
            _ => "*",
        }
    }
}
