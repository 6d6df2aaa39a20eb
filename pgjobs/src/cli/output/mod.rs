//! Output: results, errors, progress and the log. Every line is made safe for a terminal here.

pub(crate) mod confirm;
pub(crate) mod console;
pub(crate) mod failure;
pub(crate) mod fields;
pub(crate) mod format;
pub(crate) mod lines;
pub(crate) mod log;
pub(crate) mod panics;
pub(crate) mod progress;
pub(crate) mod redact;
#[cfg(feature = "otel")]
pub(crate) mod spans;
pub(crate) mod table;
pub(crate) mod usage;
