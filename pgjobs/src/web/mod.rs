//! What is served over HTTP, for your own axum program or by the command line.

pub mod events;
mod health;
mod metrics;
mod reason;
mod recorder;
mod text;

pub use events::events;
pub use health::health;
pub use metrics::metrics;
pub use recorder::record;
