//! The arguments of the command line.

pub(crate) mod global;
pub(crate) mod read_from;
pub(crate) mod values;
