//! What runs say while they go on goes with a beat: their progress and log lines, of all runs together. When
//! a beat goes out for that is decided in [`super::policy::heartbeats`]: at most twice a second.

use super::shared::Shared;
use crate::task::notes::{self, Draft};

/// What one beat takes along.
pub(super) struct Sending(Vec<Draft>);

impl Sending {
    pub(super) fn take(shared: &Shared) -> Self {
        // A crash says nothing.
        Sending(if shared.has_died() { Vec::new() } else { shared.outbox.take() })
    }

    /// As `jobs.beat` takes it; `None`: nobody has said anything.
    pub(super) fn json(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| notes::array(self.0.iter().map(|draft| draft.json.as_str())))
    }

    /// The database has it; returns whether there was anything.
    pub(super) fn arrived(self) -> bool {
        self.0.iter().for_each(Draft::was_stored);
        !self.0.is_empty()
    }

    /// It is sent again with the next beat.
    pub(super) fn failed(self, shared: &Shared) {
        shared.outbox.give_back(&self.0);
    }
}
