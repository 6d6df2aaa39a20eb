//! Task definitions, and a running job as its task sees it.

pub(crate) mod arguments;
pub(crate) mod cancel;
pub(crate) mod context;
pub(crate) mod definition;
mod description;
pub(crate) mod handler;
pub(crate) mod job;
pub(crate) mod joint;
pub(crate) mod layer;
pub(crate) mod limit;
pub(crate) mod line;
#[cfg(feature = "logs")]
pub(crate) mod log_span;
pub(crate) mod notes;
pub(crate) mod outbox;
pub(crate) mod registry;
mod reports;
pub(crate) mod secrets;
pub(crate) mod sensitive;
pub(crate) mod state;
pub(crate) mod steps;
#[cfg(feature = "otel")]
pub(crate) mod trace;
