//! When the servers were last asked whether they are draining.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the answers are good for.
const FRESH: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Look(Mutex<Option<Instant>>);

impl Look {
    /// Whether it is time to ask again, which then is this caller's to do.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= FRESH);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }

    pub(super) fn begins(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}
