//! What a subscriber to events hears.

use std::sync::Arc;

use serde::Serialize;

use super::event::Event;
use super::position::Position;

/// Why nobody can know what happened since a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResyncReason {
    /// The text is no position.
    Unreadable,
    /// The position is of another database system, or of a time that was lost in a failover.
    Unknown,
    /// Events after it are not kept any more (`jobs.config.event_hours`).
    Expired,
}

impl ResyncReason {
    /// The name, as SQL spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            ResyncReason::Unreadable => "unreadable",
            ResyncReason::Unknown => "unknown",
            ResyncReason::Expired => "expired",
        }
    }
}

/// The events since a position are not known: read the state anew ([`inspect`](crate::inspect)); what follows
/// is complete again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Resync {
    /// Why.
    pub reason: ResyncReason,
    /// From where it goes on.
    pub position: Position,
}

/// What a subscriber hears.
#[derive(Debug, Clone)]
pub enum Update {
    /// Something happened.
    Event(Arc<Event>),
    /// Something may have happened that nobody can know any more.
    Resync(Resync),
}

impl Update {
    /// From where to go on after it.
    pub fn position(&self) -> &Position {
        match self {
            Update::Event(event) => &event.position,
            Update::Resync(resync) => &resync.position,
        }
    }
}
