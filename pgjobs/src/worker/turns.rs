//! That a loop turns.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// When the heartbeat loop turned last; it turns about every second, also when the database is away.
#[derive(Default)]
pub(super) struct Turns(Mutex<Option<Instant>>);

impl Turns {
    pub(super) fn turned(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn last(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
