//! What `#[task]` accepts: one shape a file.
//!
//! They are modules of one program, since building each as a program of its own would take minutes.

pub mod batch_handlers;
pub mod call_renamed;
pub mod crate_renamed;
pub mod default_expressions;
pub mod from_macro;
pub mod gated;
pub mod in_function;
pub mod injected;
pub mod kwargs;
pub mod limits;
pub mod names;
pub mod nested_module;
pub mod no_arguments;
pub mod plain_call;
pub mod raw_identifiers;
pub mod result;
pub mod strict;
