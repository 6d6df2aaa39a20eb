//! Metrics and health, of real workers and over HTTP; and what other programs make of them.

mod contrib;
mod database;
mod health;
mod process;
#[cfg(feature = "prometheus")]
mod prometheus;
mod publishing;
mod serving;
