//! Migrates schema `jobs`, or shows its migrations.

use std::time::Duration;

use pgjobs_migrations::Migration;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, PgPool};

use super::hosts::Hosts;
use super::pooler::refuse_transaction_pooling;
use crate::types::error::Error;

/// How long to wait for an answer of the server.
const ANSWER: Duration = Duration::from_secs(30);

const NAME: &str = "migrate";

/// Migrates schema `jobs` to the current version and returns the migrations that it applied, in order.
///
/// Safe to call at every start and from many processes at once: one applies the migrations, the others wait
/// and find nothing to do. It opens two connections besides those of the pool, for as long as it runs; the
/// server shows them as `pgjobs migrate`. A database of the Python package 0.2.1 is upgraded with all its
/// jobs.
///
/// ```no_run
/// # async fn f(pool: &sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for step in pgjobs::migrate(pool).await? {
///     println!("applied {}", step.name);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] when this database cannot be migrated, with the reason, for example that its schema
/// `jobs` contains objects of others. [`Error::Migration`] names the migration that failed. In both cases
/// nothing was changed. [`Error::TransactionPooling`] behind a pooler that pools by transaction: the settings
/// of the migration would remain in a session that other clients use.
pub async fn migrate(pool: &PgPool) -> Result<Vec<Migration>, Error> {
    refuse_transaction_pooling(&Hosts::new(pool.clone(), &[]).named(NAME), ANSWER).await?;
    // A separate connection: if a migration fails, the lock of its session ends with it.
    apply(&mut connect(pool).await?).await
}

/// A connection that the server shows as `pgjobs migrate`.
async fn connect(pool: &PgPool) -> Result<PgConnection, Error> {
    let options =
        PgConnectOptions::clone(&pool.connect_options()).application_name(&format!("pgjobs {NAME}"));
    Ok(options.connect().await?)
}

pub(crate) async fn apply(connection: &mut PgConnection) -> Result<Vec<Migration>, Error> {
    let applied = pgjobs_migrations::apply(connection).await?;
    sqlx::query("select r from jobs.maintain_partitions() r").execute(connection).await?;
    Ok(applied)
}

/// The migrations that [`migrate`] would apply, without applying them.
///
/// # Errors
/// [`Error::Database`] when the query fails, [`Error::Refused`] when [`migrate`] would refuse the database.
pub async fn pending(pool: &PgPool) -> Result<Vec<Migration>, Error> {
    Ok(pgjobs_migrations::pending(&mut connect(pool).await?).await?)
}

/// The whole schema as one SQL script, for people who apply it themselves; the script also records the
/// migrations.
///
/// Run it in one transaction, for example with `psql --single-transaction`; [`migrate`] then finds nothing to
/// do.
pub fn script() -> String {
    pgjobs_migrations::script()
}

impl From<pgjobs_migrations::Error> for Error {
    fn from(error: pgjobs_migrations::Error) -> Self {
        match error {
            pgjobs_migrations::Error::Refused(error) => Error::from(error),
            pgjobs_migrations::Error::Failed(error) => Error::Migration(error),
            other => Error::Refused { code: "PT423".to_owned(), message: other.to_string(), hint: None },
        }
    }
}
