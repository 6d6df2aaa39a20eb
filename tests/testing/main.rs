//! `pgjobs::testing`, as its users meet it: most tests here are what a user would write.

#![allow(unreachable_pub, reason = "tasks are public, as a program's are")]

mod batch_handlers;
mod clock;
mod databases;
mod drain;
mod faults;
mod guide;
mod limits;
mod processes;
mod published;
mod run_now;
mod setups;
mod tasks;

type Outcome = Result<(), Box<dyn std::error::Error>>;
