//! A shop: a web server that publishes in its transactions, and the tasks that its workers run.
//!
//! ```text
//! cargo run -p pgjobs-example-shop --bin shop-web
//! ```
//!
//! Tasks are in this library and in the crate `shop_mail`. An order is a workflow over three of the modules:
//! goods are reserved (`stock`), paid (`billing`) and shipped (`delivery`); when one of these fails for good,
//! what was done is taken back. Names of tasks are the functions' paths, so a worker's topic is a module:
//! `shop.billing.*`. `tests/` shows how such a program is tested.

use std::error::Error;

use pgjobs::local_postgres::{Database, LocalPostgres};
use sqlx::PgPool;

pub mod billing;
pub mod customers;
pub mod dashboard;
pub mod delivery;
pub mod orders;
pub mod reports;
pub mod stock;
pub mod web;

pub use shop_mail as mail;

/// The shop's database: the one that DATABASE_URL names, or one that lives as long as the program.
///
/// # Errors
/// When there is no database to be had, or it cannot be migrated.
pub async fn database() -> Result<(Database, PgPool), Box<dyn Error>> {
    let builder = LocalPostgres::builder().allow_download(true);
    let database = Database::from_env_or_local(builder).await?;
    eprintln!("{}", database.describe());
    let pool = PgPool::connect_with(database.options()).await?;
    pgjobs::migrate(&pool).await?;
    Ok((database, pool))
}
