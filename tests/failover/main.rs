//! The primary dies, and the standby takes its place.

mod command_line;
mod held;
mod load;
