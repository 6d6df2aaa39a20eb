//! A session that waits for another one.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgRow};
use tokio::task::JoinHandle;

use crate::{Db, until};

/// Sends a statement and returns once it waits for another session.
pub async fn waiting(
    db: &Db,
    mut session: PgConnection,
    sql: String,
) -> JoinHandle<Result<Vec<PgRow>, sqlx::Error>> {
    let pid: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut session).await.expect("a pid");
    let sent = sql.clone();
    let call = tokio::spawn(async move { sqlx::query(AssertSqlSafe(sent)).fetch_all(&mut session).await });
    until(&format!("waits for another: {sql}"), async || {
        db.one::<bool>(&format!("select cardinality(pg_blocking_pids({pid})) > 0")).await
    })
    .await;
    call
}
