//! Workflows: nodes and edges in SQL, and the canvas of Rust (`rust_…`) with real workers.

mod rust_failures;
mod rust_forms;
mod rust_graft;
mod rust_results;
mod rust_tasks;
mod rust_waiting;
mod sql_cancel;
mod sql_chord;
mod sql_edges;
mod sql_flow;
mod sql_graft;
mod sql_history;
mod sql_large;
mod sql_members;
mod sql_policies;
mod sql_publish;
mod sql_races;
mod sql_retention;
mod sql_retry;

/// What these tests return.
type Outcome = Result<(), Box<dyn std::error::Error>>;
