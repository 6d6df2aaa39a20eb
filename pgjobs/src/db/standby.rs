//! How far a standby is behind, and until when it has replayed.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool, Row};

use super::refusal::server_code;
use crate::types::error::Error;

/// How old is what a standby shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standby {
    /// Whether it receives from a server now.
    pub streaming: bool,
    /// When the last commit that it has replayed was made; `None` if it has replayed none since its start.
    pub replayed_at: Option<DateTime<Utc>>,
    /// The age in seconds of what it shows: 0 while it receives and has replayed all that it received.
    pub seconds: f64,
    /// What it has received and not replayed yet, in bytes.
    pub bytes: i64,
}

/// What `jobs.standby()` says; `None` of a primary.
pub(crate) async fn standby(connection: &mut PgConnection) -> Result<Option<Standby>, Error> {
    let row = sqlx::query("select jobs.standby()::text").fetch_one(connection).await?;
    let json: Option<String> = row.try_get(0)?;
    let read = |json: String| serde_json::from_str(&json).map_err(|error| sqlx::Error::Decode(error.into()));
    Ok(json.map(read).transpose()?)
}

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
