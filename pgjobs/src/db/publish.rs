//! Publishes one job or many.

use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use super::chunk::Chunk;
use super::pooler::Statements;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_request::{JobRequest, PublishedJob};
use crate::types::options::TaskOptions;
use crate::types::unique::PublishOutcome;

const ONE: &str = "select (jobs.publish($1, $2, \
     coalesce($3, jobs.now() + make_interval(secs => $4)), $5::float8::numeric, $6, $7, $8, $9, $10::jsonb)).job_id";

pub(crate) async fn one(
    connection: &mut PgConnection,
    request: &JobRequest,
    statements: Statements,
) -> Result<PublishedJob, Error> {
    let row = sqlx::query(ONE)
        .persistent(statements.are_named())
        .bind(request.task.as_ref())
        .bind(Json(&request.body))
        .bind(request.options.scheduled_at())
        .bind(request.options.delay_seconds())
        .bind(timeout(request))
        .bind(priority(request))
        .bind(retries(request))
        .bind(request.checked)
        .bind(request.id.as_ref().map(JobId::as_str))
        .bind(request.options.meta.json())
        .fetch_one(connection)
        .await?;
    Ok(published(request, row.try_get(0)?))
}

const MANY: &str = "select jobs.publish_arrays($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb[])";

pub(crate) async fn many(
    connection: &mut PgConnection,
    requests: Chunk<'_, JobRequest>,
    statements: Statements,
) -> Result<Vec<PublishedJob>, Error> {
    if requests.iter().any(|request| request.options.unique.is_some()) {
        return unique(connection, requests, statements).await;
    }
    let row = sqlx::query(MANY)
        .persistent(statements.are_named())
        .bind(column(&requests, |d| Some(d.task.as_ref())))
        .bind(requests.iter().map(|d| Json(&d.body)).collect::<Vec<_>>())
        .bind(column(&requests, |d| d.options.scheduled_at()))
        .bind(column(&requests, |d| d.options.delay_seconds()))
        .bind(column(&requests, timeout))
        .bind(column(&requests, priority))
        .bind(column(&requests, retries))
        .bind(column(&requests, |d| d.id.as_ref().map(JobId::as_str)))
        .bind(if requests.iter().all(|d| d.together) { None } else { Some(false) })
        .bind(column(&requests, |d| Some(d.checked)))
        .bind(column(&requests, |d| d.options.meta.json()))
        .fetch_one(connection)
        .await?;
    let ids = row.try_get::<Vec<String>, _>(0)?;
    Ok(requests.iter().zip(ids).map(|(request, id)| published(request, id)).collect())
}

/// A job that was published without a unique key of this program. Of a body that the task's own type did not
/// make, the database may know one.
fn published(request: &JobRequest, id: String) -> PublishedJob {
    let outcome = request.checked.then_some(PublishOutcome::Published);
    PublishedJob { id: JobId::from_database(id), outcome }
}

const UNIQUE: &str = "select job_id, outcome from jobs.publish_unique($1, $2, $3::jsonb[], $4, $5, $6, $7, $8, $9, $10, $11::jsonb[])";

async fn unique(
    connection: &mut PgConnection,
    requests: Chunk<'_, JobRequest>,
    statements: Statements,
) -> Result<Vec<PublishedJob>, Error> {
    let rows = sqlx::query(UNIQUE)
        .persistent(statements.are_named())
        .bind(column(&requests, |d| Some(d.task.as_ref())))
        .bind(requests.iter().map(|d| Json(&d.body)).collect::<Vec<_>>())
        .bind(column(&requests, |d| d.options.unique_json()))
        .bind(column(&requests, |d| d.options.scheduled_at()))
        .bind(column(&requests, |d| d.options.delay_seconds()))
        .bind(column(&requests, timeout))
        .bind(column(&requests, priority))
        .bind(column(&requests, retries))
        .bind(column(&requests, |d| d.id.as_ref().map(JobId::as_str)))
        .bind(column(&requests, |d| Some(d.checked)))
        .bind(column(&requests, |d| d.options.meta.json()))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let outcome = match row.try_get(1)? {
                "replaced" => PublishOutcome::Replaced,
                "existing" => PublishOutcome::Existing,
                _ => PublishOutcome::Published,
            };
            Ok(PublishedJob { id: JobId::from_database(row.try_get(0)?), outcome: Some(outcome) })
        })
        .collect()
}

/// Whether the session is in a transaction; sqlx knows only of transactions that it began. The simple
/// protocol is used because there a statement outside a transaction starts its own at the same instant.
pub(crate) async fn is_in_transaction(connection: &mut PgConnection) -> Result<bool, Error> {
    let row = sqlx::raw_sql("select now() <> statement_timestamp()").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// Fails if an earlier statement of the transaction failed: a commit would then roll it back without an
/// error.
pub(crate) async fn refuse_aborted(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::raw_sql("select 1").execute(connection).await?;
    Ok(())
}

/// One value per request; a single value when all are equal, and `None` when every request leaves it to the
/// database. That is the usual case, and saves the database work.
fn column<'d, T: PartialEq>(
    requests: &'d [JobRequest],
    read: impl Fn(&'d JobRequest) -> Option<T>,
) -> Option<Vec<Option<T>>> {
    let first = requests.first().map(&read)?;
    if requests.iter().all(|request| read(request) == first) {
        return first.map(|value| vec![Some(value)]);
    }
    Some(requests.iter().map(read).collect())
}

// A call of the task's own type is not looked up in the database: there, what is not sent is 60 s, priority 0
// and three runs. A call by name sends whatever was given, and nothing else: the rest is as its task declares.

fn timeout(request: &JobRequest) -> Option<f64> {
    unless_default(request, request.options.timeout, TaskOptions::DEFAULT.timeout).map(|t| t.as_secs_f64())
}

fn priority(request: &JobRequest) -> Option<i32> {
    unless_default(request, request.options.priority, TaskOptions::DEFAULT.priority)
}

fn retries(request: &JobRequest) -> Option<i32> {
    // `CallOptions::check` has refused values out of range before.
    unless_default(request, request.options.retries, TaskOptions::DEFAULT.retries)
        .and_then(|n| i32::try_from(n).ok())
}

fn unless_default<T: PartialEq>(request: &JobRequest, value: Option<T>, default: T) -> Option<T> {
    value.filter(|value| !request.checked || *value != default)
}
