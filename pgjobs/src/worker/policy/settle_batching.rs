//! Decides when to send outcomes.
//!
//! A lone outcome is sent at once. Under load the next ones come within a moment, and a call to the database
//! costs as much as fifty of them: then the loop spends a few moments on gathering.

use std::time::{Duration, Instant};

/// Fewer outcomes than this are not sent at once while more jobs than this wait for a slot.
const FEW: usize = 250;
const MOMENT: Duration = Duration::from_millis(2);
const MOMENTS: u32 = 5;
/// The pause before an outcome is sent again whose job another transaction had locked.
const BUSY: Duration = Duration::from_millis(50);
/// How long the loop tries to send the last outcomes when the worker ends and the database refuses them.
const LAST_TRIES: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Adds what has come after this pause, and asks again.
    Gather(Duration),
    Send,
}

#[derive(Default)]
pub(crate) struct Flush {
    /// Moments spent on gathering this batch.
    moments: u32,
    /// When the worker was first seen closing.
    closing: Option<Instant>,
}

impl Flush {
    /// The next step: `again` of the gathered outcomes have been sent before, and `waiting` jobs wait for a
    /// slot.
    pub(crate) fn next(&mut self, gathered: usize, again: usize, waiting: usize) -> Step {
        let gather = |pause| Step::Gather(pause);
        let step = match self.moments {
            0 if again > 0 => gather(BUSY),
            moments if again == 0 && moments < MOMENTS && gathered < FEW && waiting > FEW => gather(MOMENT),
            _ => Step::Send,
        };
        self.moments = if step == Step::Send { 0 } else { self.moments + 1 };
        step
    }

    /// Whether to give up what the database does not accept: the worker has been closing for too long.
    pub(crate) fn is_too_late(&mut self, closing: bool, now: Instant) -> bool {
        closing && now.duration_since(*self.closing.get_or_insert(now)) > LAST_TRIES
    }
}
