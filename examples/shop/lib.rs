//! A shop's tasks, in a library that its web server and its workers share.
//!
//! Web servers publish: `shop::mail::welcome::publish(&mut *tx, address)`. Two programs work, each on its
//! half: `mail-worker` on the topic `shop.mail.*`, `billing-worker` on `shop.billing.*`. The names are the
//! functions' paths, so the topics follow the modules. `tests/` shows how such a program is tested.

use std::error::Error;

use pgjobs::local_postgres::{Database, LocalPostgres};
use sqlx::PgPool;

pub mod billing;
pub mod customers;
pub mod mail;
pub mod reports;

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
