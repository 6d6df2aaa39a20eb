//! What is served over HTTP, for your own axum program or by the command line.

pub mod events;

pub use events::events;
