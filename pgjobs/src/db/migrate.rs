//! The schema: brought up to date, or shown.

use std::time::Duration;

use pgjobs_migrations::Step;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, PgPool};

use super::pooler::refuse_transaction_pooling;
use super::servers::Servers;
use crate::types::error::Error;

/// A server that has not answered by then is not going to.
const ANSWER: Duration = Duration::from_secs(30);

const NAME: &str = "migrate";

/// Brings schema `jobs` up to date and returns the migrations it applied, in order.
///
/// Safe to call at every start and from many processes at once: one works, the others wait and find
/// nothing to do. It needs two connections beside those of the pool, for as long as it runs: the server shows them
/// as `pgjobs migrate`. A database made by the Python package 0.2.1 is taken over with all its jobs.
///
/// ```no_run
/// # async fn f(pool: &sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for step in pgjobs::migrate(pool).await? {
///     println!("applied {:04} {}", step.version, step.name);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] says why this database is not fit for it, for example that its schema `jobs` holds objects of
/// others. [`Error::Migration`] names the migration that failed. Either way nothing was changed.
/// [`Error::TransactionPooling`] behind such a pooler: its settings would lie in another's session.
pub async fn migrate(pool: &PgPool) -> Result<Vec<Step>, Error> {
    refuse_transaction_pooling(&Servers::new(pool.clone(), &[]).named(NAME), ANSWER).await?;
    // A connection of its own: if a migration fails, the lock of its session ends with it.
    apply(&mut connect(pool).await?).await
}

/// The server shows it as `pgjobs migrate`.
async fn connect(pool: &PgPool) -> Result<PgConnection, Error> {
    let options =
        PgConnectOptions::clone(&pool.connect_options()).application_name(&format!("pgjobs {NAME}"));
    Ok(options.connect().await?)
}

pub(crate) async fn apply(connection: &mut PgConnection) -> Result<Vec<Step>, Error> {
    let applied = pgjobs_migrations::apply(connection).await?;
    sqlx::query("select r from jobs.maintain_partitions() r").execute(connection).await?;
    Ok(applied)
}

/// The migrations that [`migrate`] would apply, without applying them.
///
/// # Errors
/// [`Error::Database`] when the server cannot be asked, [`Error::Refused`] when [`migrate`] would refuse the database.
pub async fn pending_migrations(pool: &PgPool) -> Result<Vec<Step>, Error> {
    Ok(pgjobs_migrations::pending(&mut connect(pool).await?).await?)
}

/// The whole schema as one SQL script that also records itself, for people who apply it themselves.
///
/// Run it in one go, for example with `psql --single-transaction`; [`migrate`] then finds nothing to do.
pub fn migration_script() -> String {
    pgjobs_migrations::script(&pgjobs_migrations::steps())
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
