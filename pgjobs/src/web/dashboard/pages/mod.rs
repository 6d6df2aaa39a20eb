//! The pages, one module for each.

mod audit;
mod database;
mod errors;
pub(super) mod job;
pub(super) mod job_edit;
pub(super) mod jobs;
pub(super) mod jobs_act;
pub(super) mod jobs_do;
mod limits;
mod notice;
pub(super) mod operations;
pub(super) mod overview;
mod parts;
pub(super) mod routes;
mod schedules;
pub(super) mod servers;
pub(super) mod servers_schedules;
mod statistics;
mod tasks;
mod topic;
mod topics;
mod workers;
mod workflows;
