//! Which database a command works on, and the connection to it.

pub(crate) mod connect;
#[cfg(feature = "local-postgres")]
pub(crate) mod dev_folder;
mod hosts;
mod parameters;
pub(crate) mod reader;
pub(crate) mod target;
