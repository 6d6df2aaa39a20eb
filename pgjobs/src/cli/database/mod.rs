//! Which database a command works on, or which of several, and the connection to it.

pub(crate) mod answers;
pub(crate) mod connect;
#[cfg(feature = "local-postgres")]
pub(crate) mod dev_folder;
mod hosts;
mod parameters;
pub(crate) mod places;
pub(crate) mod reader;
pub(crate) mod readers;
pub(crate) mod servers;
pub(crate) mod standby;
pub(crate) mod target;
