//! What is served over HTTP, for your own axum program or by the command line.

mod health;
mod metrics;
mod reason;
mod recorder;
mod text;

pub use health::health;
pub use metrics::metrics;
pub use recorder::record;
