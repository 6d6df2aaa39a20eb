//! The generated file for Rust, compiled. A program of its own, so that `BLESS=1` can write a file that does not compile as it is.

mod rust;
#[allow(dead_code)] // the other program uses all of it
mod support;
mod tasks;
