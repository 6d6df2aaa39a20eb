//! What the dashboard reads: by functions of the schema only, each bounded, and in transactions that end by themselves.

pub(crate) mod body;
pub(crate) mod flow;
pub(crate) mod search;

use std::time::Duration;

use sqlx::postgres::Postgres;
use sqlx::{AssertSqlSafe, Executor, PgPool, Transaction};

use crate::db::transaction;
use crate::types::error::Error;

/// After so long a read ends with an error that says so.
pub(crate) const READ: Duration = Duration::from_secs(2);
/// The same for a change.
const WRITE: Duration = Duration::from_secs(15);

/// A transaction that can only read.
pub(crate) async fn begin_read(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Error> {
    begin(pool, "set transaction read only; ", READ).await
}

/// A transaction for one change by this person, whom the audit names.
pub(crate) async fn begin_write(
    pool: &PgPool,
    person: &str,
) -> Result<Transaction<'static, Postgres>, Error> {
    let mut tx = begin(pool, "", WRITE).await?;
    sqlx::query("select set_config('pgjobs.person', $1, true)").bind(person).execute(&mut *tx).await?;
    Ok(tx)
}

/// The settings hold until the transaction ends, so the pool gets its connection back as it was.
async fn begin(pool: &PgPool, more: &str, limit: Duration) -> Result<Transaction<'static, Postgres>, Error> {
    let limit = limit.as_millis();
    let settings = format!(
        "{more}set local statement_timeout = {limit}; set local lock_timeout = {limit}; \
         set local idle_in_transaction_session_timeout = 60000; set local search_path = pg_catalog"
    );
    let mut tx = transaction::begin_on(pool).await?;
    tx.execute(sqlx::raw_sql(AssertSqlSafe(settings))).await?;
    Ok(tx)
}

/// The database's clock, as `jobs.now()` tells it.
pub(crate) async fn now(connection: &mut sqlx::PgConnection) -> Result<chrono::DateTime<chrono::Utc>, Error> {
    crate::db::read::time(&sqlx::query("select jobs.now()").fetch_one(connection).await?, 0)
}
