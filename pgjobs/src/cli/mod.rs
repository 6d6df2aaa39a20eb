//! The command line, for the program `pgjobs` and for your own.
//!
//! Tasks are compiled into your binary, and so is the worker. One call gives it the whole command line:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use pgjobs::{TaskError, task};
//!
//! #[task]
//! async fn add(a: i64, b: i64) -> Result<i64, TaskError> { Ok(a + b) }
//!
//! fn main() -> ExitCode {
//!     pgjobs::cli::main()
//! }
//! ```
//!
//! `app worker`, `app publish app.add --arg 1 --arg 2 --wait`, `app inspect` and the others then work;
//! [`App`] does the same for tasks that require state. The stand-alone program `pgjobs` is this function
//! without any task.
//!
//! Data goes to stdout, everything else to stderr; with `--json` the data is one JSON document. No output
//! holds a password: the database's address is never taken from the arguments, which every user of the
//! machine can read, and the module `redact` masks passwords in notes, errors and the log.

mod app;
mod args;
mod command;
mod commands;
mod database;
mod interrupt;
mod output;
mod setup;

#[doc(hidden)]
pub use app::command;
pub use app::{App, main};
