//! What the framework promises, against a real PostgreSQL.

mod adopt;
mod contract;
mod faults;
mod history;
mod migrate;
mod scale;
mod settling;
