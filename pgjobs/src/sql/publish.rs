//! Publishing, one job or many.

use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use crate::draft::Draft;
use crate::error::Error;
use crate::job_id::JobId;
use crate::options::TaskOptions;
use crate::sql::chunk::Chunk;
use crate::sql::pooler::Statements;

const ONE: &str = "select p.job_id from jobs.publish($1, $2, \
     coalesce($3, jobs.now() + make_interval(secs => $4)), $5::float8::numeric, $6, $7, $8, $9) p";

pub(crate) async fn one(
    connection: &mut PgConnection,
    draft: &Draft,
    statements: Statements,
) -> Result<JobId, Error> {
    let row = sqlx::query(ONE)
        .persistent(statements.are_named())
        .bind(draft.task.as_ref())
        .bind(Json(&draft.body))
        .bind(draft.options.scheduled_at())
        .bind(draft.options.delay_seconds())
        .bind(timeout(draft))
        .bind(priority(draft))
        .bind(retries(draft))
        .bind(draft.checked)
        .bind(draft.id.as_ref().map(JobId::as_str))
        .fetch_one(connection)
        .await?;
    Ok(JobId::from_database(row.try_get(0)?))
}

const MANY: &str = "select jobs.publish_all($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

pub(crate) async fn many(
    connection: &mut PgConnection,
    drafts: Chunk<'_, Draft>,
    statements: Statements,
) -> Result<Vec<JobId>, Error> {
    let row = sqlx::query(MANY)
        .persistent(statements.are_named())
        .bind(column(&drafts, |d| Some(d.task.as_ref())))
        .bind(drafts.iter().map(|d| Json(&d.body)).collect::<Vec<_>>())
        .bind(column(&drafts, |d| d.options.scheduled_at()))
        .bind(column(&drafts, |d| d.options.delay_seconds()))
        .bind(column(&drafts, timeout))
        .bind(column(&drafts, priority))
        .bind(column(&drafts, retries))
        .bind(column(&drafts, |d| d.id.as_ref().map(JobId::as_str)))
        .bind(drafts.iter().all(|d| d.together))
        .bind(column(&drafts, |d| Some(d.checked)))
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<Vec<String>, _>(0)?.into_iter().map(JobId::from_database).collect())
}

/// Whether the server is in a transaction, of which sqlx knows only those that it began. Asked in the simple protocol,
/// in which a statement outside of one begins its own at the same instant.
pub(crate) async fn is_in_transaction(connection: &mut PgConnection) -> Result<bool, Error> {
    let row = sqlx::raw_sql("select now() <> statement_timestamp()").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// Fails in a transaction in which a statement has failed: to commit one undoes it without a word.
pub(crate) async fn refuse_aborted(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::raw_sql("select 1").execute(connection).await?;
    Ok(())
}

/// One value of each draft; once when all agree, and not at all when every draft leaves it to the database,
/// which is the rule and spares it the work.
fn column<'d, T: PartialEq>(
    drafts: &'d [Draft],
    read: impl Fn(&'d Draft) -> Option<T>,
) -> Option<Vec<Option<T>>> {
    let first = drafts.first().map(&read)?;
    if drafts.iter().all(|draft| read(draft) == first) {
        return first.map(|value| vec![Some(value)]);
    }
    Some(drafts.iter().map(read).collect())
}

// What equals the database's own default is left to it.

fn timeout(draft: &Draft) -> Option<f64> {
    draft.options.timeout.filter(|timeout| *timeout != TaskOptions::DEFAULT.timeout).map(|t| t.as_secs_f64())
}

fn priority(draft: &Draft) -> Option<i32> {
    draft.options.priority.filter(|priority| *priority != TaskOptions::DEFAULT.priority)
}

fn retries(draft: &Draft) -> Option<i32> {
    // Out of range is refused before it gets here (CallOptions::check).
    let retries = draft.options.retries.filter(|retries| *retries != TaskOptions::DEFAULT.retries);
    retries.and_then(|n| i32::try_from(n).ok())
}
