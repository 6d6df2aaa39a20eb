//! What the framework promises, against a real PostgreSQL.

mod adopt;
mod batches;
mod budget;
mod contract;
mod faults;
mod history;
mod keep;
mod migrate;
mod plans;
mod scale;
mod settling;
mod together;
