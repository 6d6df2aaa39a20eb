//! Whether a server is draining, see `migrations/functions/25_server_state.sql`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, Row};

use super::read::time;
use crate::types::error::Error;

/// That a server is draining: publishers that route by key give it no new keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Draining {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, in the words of who said so.
    pub note: Option<String>,
    /// The database role that said so.
    pub actor: String,
}

pub(crate) async fn set_draining(
    connection: &mut PgConnection,
    draining: bool,
    note: Option<&str>,
) -> Result<bool, Error> {
    let call = sqlx::query("select jobs.set_draining($1, $2)").bind(draining).bind(note);
    Ok(call.fetch_one(connection).await?.try_get(0)?)
}

pub(crate) async fn draining(connection: &mut PgConnection) -> Result<Option<Draining>, Error> {
    let asked = sqlx::query("select d.since, d.note, d.actor from jobs.draining() d");
    let row = asked.fetch_optional(connection).await?;
    let read = |row| Ok(Draining { since: time(&row, 0)?, note: row.try_get(1)?, actor: row.try_get(2)? });
    row.map(read).transpose()
}
