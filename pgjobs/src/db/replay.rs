//! What pages of a standby meet: a replay that ends their queries, and one that has not come to a change yet.

use std::time::{Duration, Instant};

use sqlx::{PgPool, Row};

use super::refusal::server_code;
use crate::types::error::Error;

/// Whether the standby ended the query because it would have held replay up for too long. What only reads, as
/// `read committed`, is never refused as a conflict (40) otherwise.
pub(crate) fn is_recovery_conflict(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code == "40001" || code == "40P01")
}

/// The time between two questions whether the standby has replayed a change.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until the standby shows what was committed on the primary before this call, for at most `limit`.
/// Returns whether it does.
pub(crate) async fn caught_up(primary: &PgPool, standby: &PgPool, limit: Duration) -> Result<bool, Error> {
    const POSITION: &str = "select pg_current_wal_insert_lsn()::text";
    const IS_REPLAYED: &str = "select not pg_is_in_recovery() or pg_last_wal_replay_lsn() >= $1::pg_lsn";
    let begun = Instant::now();
    let position: String = sqlx::query(POSITION).fetch_one(primary).await?.try_get(0)?;
    loop {
        let row = sqlx::query(IS_REPLAYED).bind(&position).fetch_one(standby).await?;
        if row.try_get::<Option<bool>, _>(0)?.unwrap_or(false) {
            return Ok(true);
        }
        if begun.elapsed() >= limit {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
