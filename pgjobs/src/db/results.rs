//! Queries the results of many jobs in one statement, for callers that wait for them.

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::chunk::Chunk;
use super::pooler::Statements;
use super::refusal::server_code;
use crate::db::transaction;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;

/// The state of a job, with its result as JSON text and its last error.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) state: JobState,
    pub(crate) result: Option<String>,
    pub(crate) traceback: Option<String>,
}

/// Which of the queried jobs are returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All that exist: a job that is not returned is unknown.
    All,
    /// Those that have ended.
    Ended,
}

const RESULTS: &str = "select r.job_id, r.status, r.result::text, r.traceback from jobs.results($1, $2) r";

/// Reads the state of these jobs and passes each row to `found` as it arrives, so that large results are
/// never in memory together. With unnamed statements it runs in a transaction, which stays in one session of
/// a pooler.
pub(crate) async fn results(
    connection: &mut PgConnection,
    jobs: Chunk<'_, JobId>,
    which: Which,
    statements: Statements,
    found: &mut (dyn FnMut(JobId, Result<Standing, Error>) + Send),
) -> Result<(), Error> {
    if statements.are_named() {
        return fetch(connection, jobs, which, statements, found).await;
    }
    let mut transaction = transaction::begin(connection).await?;
    fetch(&mut transaction, jobs, which, statements, found).await?;
    Ok(transaction.commit().await?)
}

async fn fetch(
    connection: &mut PgConnection,
    jobs: Chunk<'_, JobId>,
    which: Which,
    statements: Statements,
    found: &mut (dyn FnMut(JobId, Result<Standing, Error>) + Send),
) -> Result<(), Error> {
    let ids: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
    let mut rows = sqlx::query(RESULTS)
        .persistent(statements.are_named())
        .bind(ids)
        .bind(which == Which::Ended)
        .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        found(JobId::from_database(row.try_get(0)?), standing(&row));
    }
    Ok(())
}

fn standing(row: &PgRow) -> Result<Standing, Error> {
    Ok(Standing {
        state: row.try_get::<&str, _>(1)?.parse()?,
        result: row.try_get(2)?,
        traceback: row.try_get(3)?,
    })
}

/// Whether the query failed because of the content of one job, such as a result that is too large to send.
pub(crate) fn is_about_a_job(error: &Error) -> bool {
    server_code(error)
        .is_some_and(|code| ["22", "53200", "54", "XX"].iter().any(|class| code.starts_with(class)))
}

/// Whether the failure passes by itself or can be repaired: the server restarts, the network is down, a limit
/// is reached for now.
pub(crate) fn is_passing(error: &Error) -> bool {
    match (error, server_code(error)) {
        (_, Some(code)) => {
            ["08", "25006", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class))
        }
        (Error::Database(error), None) => {
            matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut)
        }
        _ => false,
    }
}
