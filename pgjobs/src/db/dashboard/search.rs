//! A page of a search for jobs.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::db::read::maybe_time;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// What is searched for; `None` is any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search<'a> {
    pub(crate) state: &'a str,
    pub(crate) topic: Option<&'a str>,
    pub(crate) tag: Option<&'a str>,
    /// An object as JSON.
    pub(crate) meta: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) text: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) before: Option<&'a str>,
    pub(crate) num: i32,
}

/// A job in a list.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) job_id: JobId,
    pub(crate) task: String,
    pub(crate) state: String,
    pub(crate) retries: i32,
    pub(crate) max_retries: i32,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) scheduled_at: Option<DateTime<Utc>>,
    pub(crate) run_at: Option<DateTime<Utc>>,
    pub(crate) complete_on: Option<DateTime<Utc>>,
    /// The beginning, without what is sensitive; `None` also where it may not be read.
    pub(crate) arguments: Option<String>,
    pub(crate) error: Option<String>,
}

/// A page, newest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) jobs: Vec<Found>,
    /// How many jobs were looked at.
    pub(crate) looked: i64,
    /// From where to search on; `None`: nothing is left.
    pub(crate) further: Option<String>,
}

const SEARCH: &str = "select f.job_id, f.task, f.state, f.retries, f.max_retries, f.created_at, f.scheduled_at, f.run_at, \
     f.complete_on, f.arguments, f.error, f.looked, f.further \
     from jobs.search($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9, $10, $11) f";

pub(crate) async fn search(connection: &mut PgConnection, search: &Search<'_>) -> Result<Page, Error> {
    let rows = sqlx::query(SEARCH)
        .bind(search.state)
        .bind(search.topic)
        .bind(search.tag)
        .bind(search.meta)
        .bind(search.key)
        .bind(search.since)
        .bind(search.until)
        .bind(search.text)
        .bind(search.error)
        .bind(search.before)
        .bind(search.num)
        .fetch_all(connection)
        .await?;
    let mut page = Page::default();
    for row in &rows {
        match row.try_get::<Option<&str>, _>(0)? {
            Some(id) => page.jobs.push(found(row, id)?),
            None => {
                page.looked += row.try_get::<Option<i64>, _>(11)?.unwrap_or_default();
                page.further = row.try_get(12)?;
            }
        }
    }
    Ok(page)
}

fn found(row: &PgRow, id: &str) -> Result<Found, Error> {
    let number = |at: usize| Ok::<i32, sqlx::Error>(row.try_get::<Option<i32>, _>(at)?.unwrap_or_default());
    Ok(Found {
        job_id: JobId::from_database(id.to_owned()),
        task: row.try_get::<Option<String>, _>(1)?.unwrap_or_default(),
        state: row.try_get::<Option<String>, _>(2)?.unwrap_or_default(),
        retries: number(3)?,
        max_retries: number(4)?,
        created_at: maybe_time(row, 5)?.unwrap_or_default(),
        scheduled_at: maybe_time(row, 6)?,
        run_at: maybe_time(row, 7)?,
        complete_on: maybe_time(row, 8)?,
        arguments: row.try_get(9)?,
        error: row.try_get(10)?,
    })
}
