//! Schedules: when they are due, and that each tick publishes its job once.

mod cron;
mod declared;
mod minutes;
mod policies;
mod rights;
mod scale;
mod ticks;
