//! Queries about jobs, counts, workers and tasks.
//!
//! Each statement reads only the columns that are shown, and [`super::read`] decodes each row, so that one
//! invalid row never hides the others.

mod counts;
mod job;
mod tasks;
mod unique_keys;
mod workers;

pub use counts::{EndedLately, TaskCounts};
pub use job::{JobFilter, JobRow};
pub use tasks::{TaskParam, TaskRow};
pub use unique_keys::UniqueKeyRow;
pub use workers::WorkerRow;

pub(crate) use counts::{ended_lately, overview};
#[cfg(feature = "cli")]
pub(crate) use counts::{lost, now};
pub(crate) use job::{find, get};
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) use tasks::signatures;
pub(crate) use tasks::tasks;
pub(crate) use unique_keys::{release_unique_key, unique_keys};
pub(crate) use workers::workers;
