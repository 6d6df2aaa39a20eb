//! What is to be measured, and how much of it.

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scenario {
    /// publish N no-op jobs in bulk, then one worker drains them
    Drain,
    /// one connection publishes one by one, then N jobs in bulk
    Publish,
    /// an idle worker, single publishes with uneven pauses: from just before the publish to the run
    Latency,
    /// a worker, a single and a bulk publisher for S seconds; 1 % of the jobs fail once, 1 % sleep 50 ms
    Mixed,
    /// a steady flow for S seconds, without and with an old snapshot held open by another session
    HeldSnapshot,
}

pub(super) struct Plan {
    pub(super) jobs: u32,
    pub(super) singles: u32,
    pub(super) samples: u32,
    pub(super) seconds: u16,
    pub(super) concurrency: u16,
}
