//! When outcomes are sent.
//!
//! A lone outcome leaves at once. Under load the next ones come within a moment, and a call to the
//! database costs as much as fifty of them: then a few moments are spent on gathering.

use std::time::{Duration, Instant};

/// Fewer than this are not sent at once while as many jobs wait in line.
const FEW: usize = 250;
const MOMENT: Duration = Duration::from_millis(2);
const MOMENTS: u32 = 5;
/// Before an outcome is said again whose job another transaction held.
const BUSY: Duration = Duration::from_millis(50);
/// How long the last outcomes are tried when the worker ends and the database does not take them.
const LAST_TRIES: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Takes up what has come after this pause, and asks again.
    Gather(Duration),
    Send,
}

#[derive(Default)]
pub(crate) struct Flush {
    /// Spent on this batch.
    moments: u32,
    /// When the worker was first seen closing.
    closing: Option<Instant>,
}

impl Flush {
    /// `again` of the gathered outcomes have been said before; so many jobs wait in line.
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

    /// Whether to give up what the database does not take: the worker has been ending for too long.
    pub(crate) fn is_too_late(&mut self, closing: bool, now: Instant) -> bool {
        closing && now.duration_since(*self.closing.get_or_insert(now)) > LAST_TRIES
    }
}
