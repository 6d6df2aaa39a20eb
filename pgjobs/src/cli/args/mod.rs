//! The arguments of the command line.

pub(crate) mod global;
pub(crate) mod values;
