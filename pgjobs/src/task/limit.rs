//! The time of a run, and how what a task did wrong reads as an error.

use std::any::Any;
use std::time::Duration;

use tokio::time::Instant;

use crate::types::task_error::TaskError;

/// The time for a part of a run, counted from the start of the whole run.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    started: Instant,
    length: Duration,
}

impl Limit {
    pub(crate) fn new(started: Instant, length: Duration) -> Self {
        Limit { started, length }
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    pub(crate) fn left(&self) -> Duration {
        self.length.saturating_sub(self.started.elapsed())
    }

    /// The error of a task whose time is over.
    pub(crate) fn is_over(&self) -> TaskError {
        TaskError::timed_out(format!("timed out after {:?}", self.length))
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a value that is no text")
}
