//! What the framework promises, against a real PostgreSQL.

mod adopt;
mod batches;
mod budget;
mod contract;
mod explain;
mod faults;
mod history;
mod keep;
mod locks;
mod migrate;
mod model;
mod order;
mod plans;
mod races;
mod rest;
mod roles;
mod scale;
mod schemas;
mod sessions;
mod settling;
mod together;
mod topics;
mod triggers;
mod weights;
