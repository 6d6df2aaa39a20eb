//! What a worker would do, for those who announce it.

use std::time::Duration;

use super::builder::Worker;
use crate::types::log_level::LogLevel;

/// The options of a worker as they are before its start.
pub(crate) struct Plan<'w> {
    pub(crate) slots: usize,
    /// Empty: all tasks.
    pub(crate) topics: &'w [String],
    pub(crate) lease: Duration,
    pub(crate) grace: Duration,
    pub(crate) poll: Duration,
    pub(crate) listens: bool,
    pub(crate) is_burst: bool,
    pub(crate) log: LogLevel,
}

impl Worker {
    /// What it would do.
    pub(crate) fn plan(&self) -> Plan<'_> {
        Plan {
            slots: self.concurrency,
            topics: &self.topics,
            lease: self.lease,
            grace: self.grace,
            poll: self.poll,
            listens: self.listen,
            is_burst: self.burst,
            log: self.log,
        }
    }
}
