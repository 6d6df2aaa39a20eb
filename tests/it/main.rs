//! What the framework promises, against a real PostgreSQL.

mod adopt;
mod batches;
mod contract;
mod faults;
mod history;
mod keep;
mod migrate;
mod scale;
mod settling;
