//! The primary dies, and the standby takes its place.

mod command_line;
mod load;
mod reconcile;
