//! Transactions whose begin may be dropped.
//!
//! sqlx 0.9 knows of a transaction once its begin was answered. A future that is dropped before, as by a timeout or by
//! the end of a web request, leaves the transaction open on a connection that goes back to the pool: the next
//! statements there are committed by nobody, and a job that was published by one of them is lost.

use std::ops::{Deref, DerefMut};

use futures_util::FutureExt;
use sqlx::postgres::{PgConnection, PgPool, PgTransactionManager, Postgres};
use sqlx::{Connection, SqlSafeStr, Transaction};
use sqlx_core::transaction::TransactionManager;

/// A transaction, or a part of one, that is undone unless it is committed.
pub(crate) struct Open<'c> {
    connection: &'c mut PgConnection,
    is_committed: bool,
}

/// Begins a transaction; within another one, a part that can be undone by itself.
pub(crate) async fn begin(connection: &mut PgConnection) -> Result<Open<'_>, sqlx::Error> {
    let mut begins = Begins(Some(connection));
    if let Some(connection) = &mut begins.0 {
        PgTransactionManager::begin(connection, None).await?;
    }
    let connection = begins.0.take().ok_or(sqlx::Error::BeginFailed)?;
    Ok(Open { connection, is_committed: false })
}

/// Begins a transaction on a connection of the pool. It goes on when this is dropped, and is then undone.
pub(crate) async fn begin_on(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let pool = pool.clone();
    // Fails only with its runtime.
    tokio::spawn(async move { pool.begin().await }).await.unwrap_or(Err(sqlx::Error::PoolClosed))
}

impl Open<'_> {
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        PgTransactionManager::commit(self.connection).await?;
        self.is_committed = true;
        Ok(())
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.is_committed {
            PgTransactionManager::start_rollback(self.connection);
        }
    }
}

impl Deref for Open<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection
    }
}

impl DerefMut for Open<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection
    }
}

/// A connection on which a transaction begins.
struct Begins<'c>(Option<&'c mut PgConnection>);

impl Drop for Begins<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.0.take().filter(|connection| !connection.is_in_transaction()) else {
            return;
        };
        // The first poll puts the statement behind the begin, and before all that follows.
        let undo = PgTransactionManager::begin(connection, Some("rollback".into_sql_str()));
        let _ = undo.now_or_never();
    }
}
