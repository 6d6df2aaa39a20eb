//! How far a standby is behind.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

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
