//! Batch handlers: tasks whose function runs several jobs at once.

mod gathering;
mod kills;
mod layers;
mod outcomes;
mod rate;
mod tasks;
mod whole;
