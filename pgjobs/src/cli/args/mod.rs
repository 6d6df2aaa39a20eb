//! What can be said on the command line.

pub(crate) mod global;
pub(crate) mod values;
