//! The primary dies, and the standby takes its place; until then it answers readers.

mod command_line;
mod load;
mod reconcile;
mod standby;
