//! Why a job is in the state it is in.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::read::maybe_time;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// One reason why a job, a workflow or a node is in the state it is in, or why a schedule publishes nothing.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Reason {
    /// For programs: `arguments_do_not_fit`, `scheduled`, `backoff`, `sleeps`,
    /// `waits_for_signal`, `due`, `unknown_task`, `no_worker`,
    /// `held_by_transaction`, `workers_busy`, `queued`; `prefetched`, `running`, `lease_expired`,
    /// `progress`; `success`, `failed`, `cancelled`; `part_of_workflow`. Of a workflow or a node: its state,
    /// `waits_for`, `parent_failed`, `ready`, `deadline`, `not_counted`. Of a schedule: `paused`,
    /// `undeclared`, `ended`, `scheduled`, `due`, `no_ticks`, `tick_skipped`, `tick_missed`, `tick_failed`,
    /// `tick_delayed`.
    pub code: String,
    /// For people: one sentence. It never contains an argument, a result or an error.
    pub message: String,
    /// When the reason ends, if that is known.
    pub until: Option<DateTime<Utc>>,
    /// The facts behind the sentence, such as the number of jobs before this one in the queue.
    pub details: Value,
}

/// The reasons, the most important first; at least one.
pub(crate) async fn explain(connection: &mut PgConnection, id: &JobId) -> Result<Vec<Reason>, Error> {
    let rows = sqlx::query("select e.code, e.message, e.until, e.details::text from jobs.explain($1) e")
        .bind(id.as_str())
        .fetch_all(connection)
        .await
        .map_err(|error| unknown(id, error))?;
    reasons(&rows)
}

/// Decodes reasons: code, message, until, details.
pub(crate) fn reasons(rows: &[PgRow]) -> Result<Vec<Reason>, Error> {
    rows.iter()
        .map(|row| {
            Ok(Reason {
                code: row.try_get(0)?,
                message: row.try_get(1)?,
                until: maybe_time(row, 2)?,
                details: row
                    .try_get::<Option<&str>, _>(3)?
                    .and_then(|json| serde_json::from_str(json).ok())
                    .unwrap_or_default(),
            })
        })
        .collect()
}

fn unknown(id: &JobId, error: sqlx::Error) -> Error {
    match error.as_database_error().and_then(|error| error.code()) {
        Some(code) if code == "PT404" => Error::UnknownJob(id.clone()),
        _ => error.into(),
    }
}
