//! What is printed: the figures, and what they were made with.

use serde::Serialize;

use super::figures::{Pickup, Rate, Thirds};

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) settings: Settings,
    pub(super) results: Vec<Outcome>,
}

#[derive(Serialize)]
pub(super) struct Settings {
    pub(super) server: String,
    pub(super) server_version: String,
    pub(super) fsync: String,
    pub(super) synchronous_commit: String,
    pub(super) shared_buffers: String,
    pub(super) cpus: usize,
    pub(super) concurrency: u16,
    pub(super) jobs: u32,
    pub(super) seconds: u16,
    pub(super) debug_build: bool,
}

/// What a scenario found.
#[derive(Serialize)]
#[serde(tag = "scenario", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub(super) enum Outcome {
    Drain(Rate),
    Publish { one_by_one: Rate, in_bulk: Rate },
    Latency { pick_up: Pickup },
    Mixed(Mixed),
    HeldSnapshot { without: Thirds, held: Thirds, last_third_ratio: f64 },
}

#[derive(Serialize)]
pub(super) struct Mixed {
    /// Within the planned time.
    #[serde(flatten)]
    pub(super) rate: Rate,
    pub(super) published_one_by_one: u64,
    pub(super) published_in_bulk: u64,
    /// Once the queue was empty again.
    pub(super) succeeded: u64,
    pub(super) retried: u64,
    pub(super) pick_up: Pickup,
}
