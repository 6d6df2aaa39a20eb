//! One module for each command.

pub(crate) mod alive;
pub(crate) mod audit;
pub(crate) mod banner;
pub(crate) mod bench;
mod call;
pub(crate) mod check;
pub(crate) mod codegen;
pub(crate) mod completions;
pub(crate) mod control;
pub(crate) mod dashboard;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod edit;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod limit;
pub(crate) mod migrate;
pub(crate) mod new;
pub(crate) mod operation;
pub(crate) mod pause;
pub(crate) mod publish;
pub(crate) mod retention;
pub(crate) mod schedule;
pub(crate) mod servers;
#[cfg(feature = "web")]
pub(crate) mod serving;
pub(crate) mod signal;
pub(crate) mod tail;
pub(crate) mod top;
pub(crate) mod unique;
pub(crate) mod watch;
pub(crate) mod worker;
pub(crate) mod workflow;
