//! Task definitions, and a running job as its task sees it.

pub(crate) mod arguments;
pub(crate) mod cancel;
pub(crate) mod context;
pub(crate) mod definition;
pub(crate) mod handler;
pub(crate) mod job;
pub(crate) mod joint;
pub(crate) mod layer;
pub(crate) mod limit;
pub(crate) mod registry;
pub(crate) mod state;
