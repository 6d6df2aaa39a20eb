//! What the framework promises, against a real PostgreSQL.

mod adopt;
mod batches;
mod budget;
mod contract;
mod explain;
mod faults;
mod history;
mod keep;
mod migrate;
mod model;
mod plans;
mod races;
mod scale;
mod schemas;
mod settling;
mod together;
