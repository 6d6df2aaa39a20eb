//! Counters, gauges and histograms of publishers and workers, through the facade of crate `metrics`: whatever
//! recorder the program installs gets them. Without feature `metrics` everything here is empty.
//!
//! What is counted often has its handle made once ([`Counter`], [`Gauge`], [`Histogram`]), by the worker's
//! `meters`; what is counted seldom is counted by name. A handle made before the program installs its recorder
//! counts nothing.

mod handles;
mod labels;
pub(crate) mod names;

pub(crate) use handles::{Counter, Gauge, Histogram, Label};
pub(crate) use labels::{MOST_TASKS, OTHER};

/// Whether anything is counted: code that only counts ends early where it is not.
pub(crate) const ON: bool = cfg!(feature = "metrics");

/// Tells the recorder what each metric means.
pub(crate) fn describe() {
    #[cfg(feature = "metrics")]
    for metric in names::ALL {
        handles::describe(metric);
    }
}

/// Counts jobs of a task that were sent to the database, with what became of them there.
pub(crate) fn published(task: &str, outcome: &'static str, jobs: u64) {
    if ON {
        let labels = [("task", labels::bounded(task)), ("outcome", outcome.to_owned())];
        Counter::new(names::PUBLISHED, &labels).add(jobs);
    }
}

/// Counts a command of this kind that ended like this.
pub(crate) fn command(kind: &str, outcome: &'static str, commands: u64) {
    if ON {
        let labels = [("kind", kind.to_owned()), ("outcome", outcome.to_owned())];
        Counter::new(names::COMMANDS, &labels).add(commands);
    }
}
