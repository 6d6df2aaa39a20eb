//! Writes panics to the log.
//!
//! Rust writes the message of a panic to stderr unchanged. The message of a task's panic may hold text from a
//! client, a password, or escape sequences, and it is no JSON document in a log of JSON documents.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use tracing::Level;

use super::console;
use super::redact;
use crate::types::text::shown;

/// The target of log lines that no log filter hides.
pub(crate) const TARGET: &str = "pgjobs::panic";

/// Sends panics to the log instead of Rust's own message.
pub(crate) fn log() {
    std::panic::set_hook(Box::new(tell));
}

/// The log may belong to the program, so the message is made safe before it is logged.
fn tell(panic: &PanicHookInfo<'_>) {
    let said = redact::hide(&shown(panic.payload_as_str().unwrap_or("a value that is no text")));
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    if tracing::enabled!(target: TARGET, Level::ERROR) {
        tracing::error!(target: TARGET, place, backtrace = backtrace(), "panicked: {said}");
    } else {
        console::say_past_the_log(format!("panicked at {place}: {said}"));
    }
}

/// The backtrace on one line; `None` unless RUST_BACKTRACE asks for it.
fn backtrace() -> Option<String> {
    let backtrace = Backtrace::capture();
    let is_there = backtrace.status() == BacktraceStatus::Captured;
    is_there.then(|| backtrace.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}
