//! Which log lines of its runs a worker keeps.

use super::builder::Worker;
use super::shared::Shared;
#[cfg(feature = "logs")]
use crate::task::log_span;
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

/// Has the program's subscriber ask for the events that this worker keeps; warns when nothing catches them.
pub(super) fn prepare(shared: &Shared) {
    let levels = shared.registry.tasks().into_iter().map(|task| shared.outbox.level(task.options.log));
    let highest = levels.max().unwrap_or(LogLevel::Off);
    if highest > LogLevel::Off && !catches(highest) {
        tracing::warn!(
            "tasks are to keep what they log, and nothing catches it: add pgjobs::logs::layer() to the program's \
             subscriber (feature `logs`)"
        );
    }
}

#[cfg(feature = "logs")]
fn catches(level: LogLevel) -> bool {
    log_span::wants(level);
    log_span::is_made()
}

#[cfg(not(feature = "logs"))]
fn catches(_: LogLevel) -> bool {
    false
}
