//! Task definitions, and a running job as its task sees it.

pub(crate) mod cancel;
pub(crate) mod context;
pub(crate) mod definition;
pub(crate) mod job;
pub(crate) mod layer;
pub(crate) mod registry;
