//! Workflows: nodes and edges in SQL, and the canvas of Rust (`rust_…`) with real workers.

mod rust_failures;
mod rust_forms;
mod rust_graft;
mod rust_results;
mod rust_tasks;
mod rust_waiting;

/// What these tests return.
type Outcome = Result<(), Box<dyn std::error::Error>>;
