//! Clients that `codegen` makes: the same text every time, and each works with a real worker.

mod command;
mod golden;
#[cfg(feature = "codegen-clients")]
mod python;
mod support;
mod tasks;
#[cfg(feature = "codegen-clients")]
mod typescript;
