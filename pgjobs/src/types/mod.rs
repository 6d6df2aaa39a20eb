//! Plain values without input or output, used by the rest of the library.

pub(crate) mod backoff;
pub(crate) mod body;
pub(crate) mod call_options;
pub(crate) mod command;
pub(crate) mod error;
pub(crate) mod event;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) mod graph;
pub(crate) mod integer_bounds;
pub(crate) mod job_id;
pub(crate) mod job_request;
pub(crate) mod job_state;
pub(crate) mod limit;
pub(crate) mod log_level;
pub(crate) mod meta;
pub(crate) mod nearest;
pub(crate) mod options;
pub(crate) mod outcomes;
mod parse;
pub(crate) mod position;
pub(crate) mod progress;
pub(crate) mod rendezvous;
pub(crate) mod schedule;
pub(crate) mod server_name;
pub(crate) mod severity;
pub(crate) mod step_error;
pub(crate) mod strict_json;
pub(crate) mod task_error;
pub(crate) mod task_limit;
pub(crate) mod task_schedule;
pub(crate) mod task_unique;
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) mod text;
#[cfg(feature = "chrono-tz")]
pub(crate) mod time_zone;
pub(crate) mod topic;
pub(crate) mod trace_context;
pub(crate) mod unique;
pub(crate) mod update;
mod words;
pub(crate) mod workflow;
pub(crate) mod workflow_error;
