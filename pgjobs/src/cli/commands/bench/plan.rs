//! The scenarios, and the size of each.

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// publish N no-op jobs in bulk, then one worker drains them
    Drain,
    /// one connection publishes one by one, then N jobs in bulk
    Publish,
    /// single publishes to an idle worker: from just before each to its run
    Latency,
    /// S seconds of single and bulk publishes; 1 % fail once, 1 % sleep 50 ms
    Mixed,
    /// a steady flow for S seconds, without and with a held snapshot
    HeldSnapshot,
}

pub(crate) struct Plan {
    pub(crate) jobs: u32,
    pub(crate) singles: u32,
    pub(crate) samples: u32,
    pub(crate) stages: bool,
    pub(crate) seconds: u16,
    pub(crate) concurrency: u16,
}
