//! What is read of limits.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::db::read::{document, maybe_time, time};
use crate::types::error::Error;

/// A limit, and how much of it is in use. See [`limits`](mod@crate::limits) for what its options mean.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LimitRow {
    /// The limit's name.
    pub name: String,
    /// The tasks that it covers.
    pub topic: String,
    /// The arguments that make the key; `None`: all jobs count together.
    pub key: Option<Vec<String>>,
    /// How many jobs of a key run at once; `None`: any number.
    pub max: Option<i32>,
    /// How many jobs of a key start in a time, such as `100/s`; all of them hold.
    pub rates: Option<Vec<String>>,
    /// The argument that says how many slots and starts a job takes; `None`: each takes 1.
    pub cost: Option<String>,
    /// Whether one job of a key runs after another.
    pub in_order: bool,
    /// What follows when a job in order fails for good: `skip`, `hold` or `pause`.
    pub on_dead: String,
    /// Whether keys take turns by the time that their jobs run.
    pub fair: bool,
    /// The shares of keys of a fair limit, by their text.
    pub weights: Option<Box<RawValue>>,
    /// The task whose code declares it; `None`: made by hand.
    pub declared_by: Option<String>,
    /// The slots that runs hold of it.
    pub held: i64,
    /// The jobs that wait because of it, counted to 10,001.
    pub blocked: i64,
    /// The keys that something is remembered of.
    pub keys: i64,
    /// Those of them that are closed.
    pub closed: i64,
    /// When it was made or changed.
    pub changed_at: DateTime<Utc>,
    /// The database role that did it.
    pub changed_by: String,
}

/// A key of a limit.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LimitKeyRow {
    /// The values of the limit's key, as an array; empty for a limit without one.
    pub key: Box<RawValue>,
    /// The slots that runs hold of it.
    pub held: i32,
    /// The jobs that wait for it, counted to 10,001.
    pub blocked: i64,
    /// No job of it starts before; `None`: it is open. The last time there is: until it is opened by hand.
    pub closed_until: Option<DateTime<Utc>>,
    /// The job that closed it, by failing in order.
    pub closed_by: Option<String>,
    /// Why it is closed.
    pub reason: Option<String>,
    /// When a job of it may start because time passes: by its rates, or because it opens.
    pub next_at: Option<DateTime<Utc>>,
}

/// A key whose jobs wait for somebody: it is closed, or its job in order waits for its next run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct BlockedKeyRow {
    /// The limit's name.
    pub name: String,
    /// The values of the limit's key, as an array.
    pub key: Box<RawValue>,
    /// The job that closed it, or that waits for its next run.
    pub closed_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Until when.
    pub closed_until: Option<DateTime<Utc>>,
    /// The jobs that wait for it, counted to 10,001.
    pub blocked: i64,
    /// Since when the first of them waits.
    pub oldest: Option<DateTime<Utc>>,
}

/// A statement that reads limits of this source, named l.
macro_rules! limits_from {
    ($source:literal) => {
        concat!(
            "select l.name, l.topic, l.key, l.max, l.rates, l.cost, l.in_order, l.on_dead, l.fair, l.weights::text, \
             l.declared_by, l.held, l.blocked, l.keys, l.closed, l.changed_at, l.changed_by::text from ",
            $source
        )
    };
}
pub(super) use limits_from;

pub(super) fn limit(row: &PgRow) -> Result<LimitRow, Error> {
    Ok(LimitRow {
        name: row.try_get(0)?,
        topic: row.try_get(1)?,
        key: row.try_get(2)?,
        max: row.try_get(3)?,
        rates: row.try_get(4)?,
        cost: row.try_get(5)?,
        in_order: row.try_get(6)?,
        on_dead: row.try_get(7)?,
        fair: row.try_get(8)?,
        weights: row.try_get::<Option<String>, _>(9)?.map(document),
        declared_by: row.try_get(10)?,
        held: row.try_get(11)?,
        blocked: row.try_get(12)?,
        keys: row.try_get(13)?,
        closed: row.try_get(14)?,
        changed_at: time(row, 15)?,
        changed_by: row.try_get(16)?,
    })
}

pub(super) fn key(row: &PgRow) -> Result<LimitKeyRow, Error> {
    Ok(LimitKeyRow {
        key: key_of(row, 0)?,
        held: row.try_get(1)?,
        blocked: row.try_get(2)?,
        closed_until: maybe_time(row, 3)?,
        closed_by: row.try_get(4)?,
        reason: row.try_get(5)?,
        next_at: maybe_time(row, 6)?,
    })
}

pub(super) fn blocked(row: &PgRow) -> Result<BlockedKeyRow, Error> {
    Ok(BlockedKeyRow {
        name: row.try_get(0)?,
        key: key_of(row, 1)?,
        closed_by: row.try_get(2)?,
        reason: row.try_get(3)?,
        closed_until: maybe_time(row, 4)?,
        blocked: row.try_get(5)?,
        oldest: maybe_time(row, 6)?,
    })
}

fn key_of(row: &PgRow, at: usize) -> Result<Box<RawValue>, Error> {
    Ok(document(row.try_get(at)?))
}
