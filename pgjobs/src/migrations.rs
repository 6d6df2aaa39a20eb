//! The migrations of schema `jobs`: those that are pending, and all of them as a script.
//!
//! A program that calls [`migrate`](crate::migrate) at its start needs nothing of this. It is for people who
//! want to see what would be applied, or who apply SQL by other means than this library.
//!
//! ```no_run
//! use pgjobs::migrations;
//!
//! # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
//! for migration in migrations::pending(&pool).await? {
//!     println!("{}", migration.name);
//! }
//! std::fs::write("jobs.sql", migrations::script())?; // psql --single-transaction -f jobs.sql
//! # Ok(()) }
//! ```

pub use crate::db::migrate::{pending, script};
pub use pgjobs_migrations::Migration;
