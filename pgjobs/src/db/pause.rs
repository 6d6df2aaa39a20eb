//! Pausing topics, and the pauses there are.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::read::{maybe_time, time};
use crate::types::error::Error;
use crate::types::topic::Topic;

/// A topic that is paused: no job of its tasks is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PauseRow {
    /// The topic, as it was given.
    pub topic: String,
    /// Since when.
    pub paused_at: DateTime<Utc>,
    /// The database role that paused it, or changed the pause last.
    pub paused_by: String,
    /// When the pause ends by itself; `None`: when the topic is resumed.
    pub until: Option<DateTime<Utc>>,
    /// Why, in the words of who paused it.
    pub note: Option<String>,
}

pub(crate) async fn pause(
    connection: &mut PgConnection,
    topic: &Topic,
    until: Option<DateTime<Utc>>,
    note: Option<&str>,
) -> Result<(), Error> {
    let call = sqlx::query("select jobs.pause_topic($1, $2, $3)").bind(topic.as_str()).bind(until).bind(note);
    call.execute(connection).await?;
    Ok(())
}

pub(crate) async fn resume(connection: &mut PgConnection, topic: &Topic) -> Result<bool, Error> {
    let row = sqlx::query("select jobs.resume_topic($1)").bind(topic.as_str()).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

const PAUSES: &str = "select p.topic, p.paused_at, p.paused_by::text, p.until, p.note from jobs.pauses() p";

pub(crate) async fn pauses(connection: &mut PgConnection) -> Result<Vec<PauseRow>, Error> {
    let rows = sqlx::query(PAUSES).fetch_all(connection).await?;
    let pause = |row: &PgRow| {
        Ok(PauseRow {
            topic: row.try_get(0)?,
            paused_at: time(row, 1)?,
            paused_by: row.try_get(2)?,
            until: maybe_time(row, 3)?,
            note: row.try_get(4)?,
        })
    };
    rows.iter().map(pause).collect()
}
