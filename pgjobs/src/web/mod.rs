//! What is served over HTTP, for your own axum program or by the command line.
//!
//! [`Dashboard`] is the page on which people see and repair what runs. It is a [`Router`](axum::Router) that is
//! mounted anywhere:
//!
//! ```no_run
//! use pgjobs::web::{Dashboard, Users};
//! # fn f(pool: sqlx::PgPool) -> Result<axum::Router, String> {
//! let users = Users::parse("mara:operator:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")?;
//! let app = axum::Router::new().nest("/jobs", Dashboard::new(pool).login(users).router());
//! # Ok(app) }
//! ```

mod dashboard;
pub mod events;
mod health;
mod metrics;
mod reason;
mod recorder;
mod text;

/// The web framework whose [`Router`](axum::Router) this module gives, in the version that it needs.
pub use axum;
pub use dashboard::{Dashboard, Role, Users, Verb, Viewer};
pub use events::events;
pub use health::{health, health_of_servers};
pub use metrics::{metrics, metrics_of_servers};
pub use recorder::record;
