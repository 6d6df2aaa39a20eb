//! Reading events, and what is watched.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::pooler::Statements;
use super::read::time;
use crate::types::error::Error;
use crate::types::event::{Details, Event, EventKind};
use crate::types::job_id::JobId;
use crate::types::position::Position;
use crate::types::topic::Topic;
use crate::types::update::{Resync, ResyncReason};

/// A topic whose events are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WatchRow {
    /// The topic, as it was given.
    pub topic: String,
    /// The kinds that are written, as SQL spells them; `None`: all.
    pub kinds: Option<Vec<String>>,
    /// Since when, or since its last change.
    pub watched_at: DateTime<Utc>,
    /// The database role that watches it.
    pub watched_by: String,
    /// The code of the task says so (`events = true`); else somebody does.
    pub is_declared: bool,
}

/// Events in their order, and where it goes on.
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    pub(crate) end: Position,
    /// There are no events, because nobody can know them.
    pub(crate) resync: Option<Resync>,
}

/// What to read.
pub(crate) struct Reading<'a> {
    pub(crate) after: &'a Position,
    pub(crate) topic: &'a str,
    pub(crate) num: i32,
    /// `None`: until now.
    pub(crate) until: Option<&'a Position>,
}

pub(crate) async fn position(
    connection: &mut PgConnection,
    statements: Statements,
) -> Result<Position, Error> {
    let query = sqlx::query("select jobs.event_position()").persistent(statements.are_named());
    let row = query.fetch_one(connection).await?;
    Ok(row.try_get::<&str, _>(0)?.into())
}

const AFTER: &str = "select e.position, e.kind, e.task, e.job_id, e.attempt, e.at, e.details::text \
     from jobs.events_after($1, $2, $3, $4) e";

pub(crate) async fn after(
    connection: &mut PgConnection,
    statements: Statements,
    reading: &Reading<'_>,
) -> Result<Page, Error> {
    let query = sqlx::query(AFTER).persistent(statements.are_named());
    let query = query.bind(reading.after.sent()).bind(reading.topic).bind(reading.num);
    let rows = query.bind(reading.until.map(Position::sent)).fetch_all(connection).await?;
    let mut page = Page { events: Vec::with_capacity(rows.len()), end: reading.after.clone(), resync: None };
    for row in &rows {
        let position: Position = row.try_get::<&str, _>(0)?.into();
        match row.try_get::<&str, _>(1)? {
            "position" => page.end = position,
            "resync" => page.be_resync(position, row)?,
            // Kinds of newer versions are not known here.
            kind => page.events.extend(kind.parse().ok().map(|kind| event(row, position, kind)).transpose()?),
        }
    }
    Ok(page)
}

impl Page {
    fn be_resync(&mut self, position: Position, row: &PgRow) -> Result<(), Error> {
        let details = row.try_get::<Option<&str>, _>(6)?.unwrap_or_default();
        let reason = match details {
            text if text.contains("unreadable") => ResyncReason::Unreadable,
            text if text.contains("expired") => ResyncReason::Expired,
            _ => ResyncReason::Unknown,
        };
        self.end = position.clone();
        self.resync = Some(Resync { reason, position });
        Ok(())
    }
}

fn event(row: &PgRow, position: Position, kind: EventKind) -> Result<Event, Error> {
    let details = row.try_get::<Option<&str>, _>(6)?;
    // What cannot be read there must not hide the event, nor those beside it.
    let details: Details = details.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let Details { error, done, total, note, purged, state, meta } = details;
    Ok(Event {
        position,
        at: time(row, 5)?,
        kind,
        task: row.try_get(2)?,
        job_id: JobId::from_database(row.try_get(3)?),
        attempt: row.try_get(4)?,
        error,
        done,
        total,
        note,
        is_purged: purged,
        state,
        meta,
    })
}

/// Announces that there may be events; returns whether somebody listens.
pub(crate) async fn announce(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query("select jobs.announce_events()").fetch_one(connection).await?.try_get(0)?)
}

pub(crate) async fn watch(
    connection: &mut PgConnection,
    topic: &Topic,
    kinds: &[EventKind],
) -> Result<(), Error> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let call = sqlx::query("select jobs.watch($1, $2)").bind(topic.as_str());
    call.bind((!kinds.is_empty()).then_some(kinds)).execute(connection).await?;
    Ok(())
}

pub(crate) async fn unwatch(connection: &mut PgConnection, topic: &Topic) -> Result<bool, Error> {
    let row = sqlx::query("select jobs.unwatch($1)").bind(topic.as_str()).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

const WATCHES: &str =
    "select w.topic, w.kinds, w.watched_at, w.watched_by::text, w.is_declared from jobs.watches() w";

pub(crate) async fn watches(connection: &mut PgConnection) -> Result<Vec<WatchRow>, Error> {
    let rows = sqlx::query(WATCHES).fetch_all(connection).await?;
    let watch = |row: &PgRow| {
        Ok(WatchRow {
            topic: row.try_get(0)?,
            kinds: row.try_get(1)?,
            watched_at: time(row, 2)?,
            watched_by: row.try_get(3)?,
            is_declared: row.try_get(4)?,
        })
    };
    rows.iter().map(watch).collect()
}
