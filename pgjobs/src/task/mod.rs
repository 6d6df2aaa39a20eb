//! Tasks as they are declared, and a job as its task sees it while it runs.

pub(crate) mod context;
pub(crate) mod definition;
pub(crate) mod job;
pub(crate) mod registry;
