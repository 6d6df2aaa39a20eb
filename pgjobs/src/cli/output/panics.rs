//! Panics as lines of the log.
//!
//! Rust writes the words of a panic to stderr as they are: those of a task may hold what a client sent, a password, or
//! escape sequences, and they are no JSON document in a log of such.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use tracing::Level;

use super::console;
use super::redact;
use crate::types::text::shown;

/// What the log shows whatever else it was told to leave out.
pub(crate) const TARGET: &str = "pgjobs::panic";

/// Lets panics be told by the log, in the place of Rust's own words.
pub(crate) fn log() {
    std::panic::set_hook(Box::new(tell));
}

/// The log may be another's, so what reaches it is safe already.
fn tell(panic: &PanicHookInfo<'_>) {
    let said = redact::hide(&shown(panic.payload_as_str().unwrap_or("a value that is no text")));
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    if tracing::enabled!(target: TARGET, Level::ERROR) {
        tracing::error!(target: TARGET, place, backtrace = backtrace(), "panicked: {said}");
    } else {
        console::say_past_the_log(format!("panicked at {place}: {said}"));
    }
}

/// On one line; none unless RUST_BACKTRACE asks for it.
fn backtrace() -> Option<String> {
    let backtrace = Backtrace::capture();
    let is_there = backtrace.status() == BacktraceStatus::Captured;
    is_there.then(|| backtrace.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}
