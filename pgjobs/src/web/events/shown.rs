//! What a customer sees of an update.

use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Inner;
use crate::events::{Event, EventKind, Position, Resync, ResyncReason, Update};
use crate::types::error::Error;

/// An event without what its publisher noted for the program alone.
#[derive(Serialize)]
pub(super) struct ShownEvent<'a> {
    job_id: &'a str,
    task: &'a str,
    kind: EventKind,
    attempt: i32,
    at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    purged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

impl<'a> ShownEvent<'a> {
    fn of(event: &'a Event) -> Self {
        ShownEvent {
            job_id: event.job_id.as_str(),
            task: &event.task,
            kind: event.kind,
            attempt: event.attempt,
            at: event.at,
            done: event.done,
            total: event.total,
            note: event.note.as_deref(),
            error: event.error.as_deref(),
            purged: event.is_purged,
            state: event.state.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct ShownResync<'a> {
    kind: &'static str,
    reason: ResyncReason,
    position: &'a Position,
}

#[derive(Serialize)]
struct Placed<'a> {
    position: &'a Position,
    #[serde(flatten)]
    event: ShownEvent<'a>,
}

/// An update that the customer may hear of.
pub(super) struct Shown {
    /// Its name: the kind of an event, or `resync`.
    pub(super) name: &'static str,
    /// After it; only events have one.
    pub(super) id: Option<Position>,
    update: Update,
}

impl Shown {
    /// `None` for what the hook refuses, and for an error, which ends the subscription.
    pub(super) fn of(update: Result<Update, Error>, inner: &Inner, request: &Parts) -> Option<Self> {
        let update =
            update.inspect_err(|error| tracing::warn!(%error, "a stream of events has ended")).ok()?;
        let (name, id) = match &update {
            Update::Event(event) if !(inner.hook)(request, event) => return None,
            Update::Event(event) => (event.kind.as_str(), Some(event.position.clone())),
            Update::Resync(_) => ("resync", None),
        };
        Some(Shown { name, id, update })
    }

    /// As JSON, without the position of an event.
    pub(super) fn json(&self) -> String {
        match &self.update {
            Update::Event(event) => json(&ShownEvent::of(event)),
            Update::Resync(resync) => resync_json(resync),
        }
    }

    /// As JSON, with the position.
    pub(super) fn json_with_position(&self) -> String {
        match &self.update {
            Update::Event(event) => json(&Placed { position: &event.position, event: ShownEvent::of(event) }),
            Update::Resync(resync) => resync_json(resync),
        }
    }
}

fn resync_json(resync: &Resync) -> String {
    json(&ShownResync { kind: "resync", reason: resync.reason, position: &resync.position })
}

/// Cannot fail: all keys are texts.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
