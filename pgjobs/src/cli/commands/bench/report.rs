//! The report: the figures, and the settings that they were measured with.

use serde::Serialize;

use super::figures::{Pickup, Rate, Thirds};
use super::stages::Stages;

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) settings: Settings,
    pub(crate) results: Vec<Outcome>,
}

#[derive(Serialize)]
pub(crate) struct Settings {
    pub(crate) server: String,
    pub(crate) server_version: String,
    pub(crate) fsync: String,
    pub(crate) synchronous_commit: String,
    pub(crate) shared_buffers: String,
    pub(crate) cpus: usize,
    pub(crate) concurrency: u16,
    pub(crate) jobs: u32,
    pub(crate) seconds: u16,
    pub(crate) debug_build: bool,
}

/// The result of a scenario.
#[derive(Serialize)]
#[serde(tag = "scenario", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub(crate) enum Outcome {
    Drain(Rate),
    Publish {
        one_by_one: Rate,
        in_bulk: Rate,
    },
    Latency {
        pick_up: Pickup,
        #[serde(skip_serializing_if = "Option::is_none")]
        stages: Option<Stages>,
    },
    Mixed(Mixed),
    HeldSnapshot {
        without: Thirds,
        held: Thirds,
        last_third_ratio: f64,
    },
}

#[derive(Serialize)]
pub(crate) struct Mixed {
    /// Jobs that succeeded within the planned time.
    #[serde(flatten)]
    pub(crate) rate: Rate,
    pub(crate) published_one_by_one: u64,
    pub(crate) published_in_bulk: u64,
    /// Counted when the queue was empty again.
    pub(crate) succeeded: u64,
    pub(crate) retried: u64,
    pub(crate) pick_up: Pickup,
}
