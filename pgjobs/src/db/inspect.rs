//! Reading: jobs, counts, workers, tasks.
//!
//! Each statement brings what is shown and no more, and each row is decoded by [`super::read`], so that one odd row
//! never hides the others.

mod counts;
mod job;
mod tasks;
mod workers;

pub use counts::TaskCounts;
pub use job::{JobFilter, JobRow};
pub use tasks::{TaskParam, TaskRow};
pub use workers::WorkerRow;

pub(crate) use counts::overview;
#[cfg(feature = "cli")]
pub(crate) use counts::{lost, now};
pub(crate) use job::{find, get};
#[cfg(feature = "cli")]
pub(crate) use tasks::signatures;
pub(crate) use tasks::tasks;
pub(crate) use workers::workers;
