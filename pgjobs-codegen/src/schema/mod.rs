//! Questions to a JSON Schema.

pub(crate) mod object;
pub(crate) mod parts;
pub(crate) mod refs;
pub(crate) mod variants;
