//! What a worker was started with.

use std::time::Duration;

pub(super) struct Settings {
    pub(super) topics: Vec<String>,
    pub(super) names: Vec<String>,
    /// The tasks among `names` that may end their jobs themselves.
    pub(super) own_batch: Vec<String>,
    /// At the start: see [`Shared::slots`].
    pub(super) slots: usize,
    pub(super) lease: Duration,
    pub(super) grace: Duration,
    pub(super) poll: Duration,
    pub(super) listen: bool,
    pub(super) burst: bool,
}

/// The least that `longest_call` returns: a statement takes a few round trips the first time, however short
/// the lease is.
const SHORTEST_CALL: Duration = Duration::from_secs(5);

impl Settings {
    /// How long a call to the database may take: as long as the lease, for which others take this worker to
    /// be alive.
    pub(super) fn longest_call(&self) -> Duration {
        self.lease.max(SHORTEST_CALL)
    }
}
