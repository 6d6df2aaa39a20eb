//! The only module that contains SQL: each function calls one function of schema `jobs` with a constant
//! statement, next to the code that reads its rows.

pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod beat;
pub(crate) mod chunk;
pub(crate) mod claim;
pub(crate) mod claimed;
pub(crate) mod command;
pub(crate) mod connection;
#[cfg(feature = "web")]
pub(crate) mod dashboard;
pub(crate) mod deploy;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod inspect;
#[cfg(feature = "web")]
pub(crate) mod metrics;
pub(crate) mod migrate;
pub(crate) mod notify;
pub(crate) mod open_job;
pub(crate) mod pause;
pub(crate) mod pooler;
pub(crate) mod problems;
pub(crate) mod progress;
pub(crate) mod publish;
pub(crate) mod read;
pub(crate) mod refusal;
pub(crate) mod results;
pub(crate) mod schedule;
pub(crate) mod servers;
pub(crate) mod session;
pub(crate) mod settle;
pub(crate) mod statistics;
#[cfg(feature = "testing")]
pub(crate) mod testing;
pub(crate) mod worker;
