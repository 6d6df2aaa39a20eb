//! Joint runs, in which the function of a batch handler runs several jobs at once.
//!
//! `meeting` brings the jobs of a joint run together, once the layers of each have let it through, and calls
//! the function; `context` is what the function is given.

pub(crate) mod context;
pub(crate) mod meeting;

#[cfg(test)]
mod tests;
