//! What others may send, and what tasks may do: nothing of it stops a worker, loses a job or spoils a neighbour.

mod abort;
#[path = "../../fuzz/checks.rs"]
mod checks;
mod flood;
mod generator;
mod handlers;
mod mutations;
mod publishing;
mod results;
mod sizes;
mod tasks;
mod topics;
