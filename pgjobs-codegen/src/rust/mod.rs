//! Writes Rust, with sqlx.

mod client;
mod definition;
mod fields;
mod recursion;
mod shapes;
mod types;

pub(crate) use client::write;
