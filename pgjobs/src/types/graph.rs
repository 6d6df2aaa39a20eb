//! Graphs without circles, to be drawn: which node comes after which others.

mod fold;
#[cfg(feature = "web")]
mod layout;
mod nodes;

pub(crate) use fold::{Folded, fold};
#[cfg(feature = "web")]
pub(crate) use layout::{Layout, Way, layout};
pub(crate) use nodes::Graph;
