//! Which log lines of its runs a worker keeps.

use super::builder::Worker;
use crate::types::error::Error;
use crate::types::log_level::LogLevel;

/// The most lines that may be kept of a run.
const MOST: u32 = 100_000;

impl Worker {
    /// From which level on what its runs log is kept with their jobs, for tasks that say nothing themselves
    /// (`#[task(log = "info")]`); by default [`Off`](LogLevel::Off). See `pgjobs::logs`, without whose layer
    /// nothing is kept.
    #[must_use]
    pub fn log(mut self, level: LogLevel) -> Self {
        self.log = level;
        self
    }

    /// How many lines of the log of each run are kept: 0 to 100,000, by default 1,000. The log of a run that
    /// writes more ends with a line that says how many were dropped.
    #[must_use]
    pub fn log_lines(mut self, lines: u32) -> Self {
        self.log_lines = lines;
        self
    }

    pub(super) fn check_log(&self) -> Result<(), Error> {
        if self.log_lines > MOST {
            let reason = "lies within 0 and 100,000".to_owned();
            return Err(Error::Option { name: "log_lines", reason });
        }
        Ok(())
    }
}
