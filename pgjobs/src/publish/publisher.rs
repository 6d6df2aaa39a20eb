//! What a job can be published through.

use std::sync::{Arc, OnceLock};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};

use super::counting;
use super::on_publish::apply_layers;
use super::tx::{self, Tx};
use crate::db;
use crate::db::chunk::{Chunk, chunks};
use crate::db::pooler::{Statements, on_pool};
use crate::db::transaction;
use crate::task::job::OnSuccess;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_request::{JobRequest, PublishedJob};
use crate::types::unique::PublishOutcome;
use crate::types::workflow_error::WorkflowError;

/// What a job is published through: a pool, a connection, your transaction, or a [`Tx`].
///
/// Behind a pooler that pools by transaction, give the pool `statement_cache_capacity(0)` and publish to
/// `&pool` or to a `Tx` begun on it: these then use unnamed statements in one transaction. Any other
/// connection must come from a pooler that pools by session, or from the server.
///
/// Sealed: implemented only for `&PgPool`, `&mut PgConnection`, `&mut PoolConnection`, `&mut Transaction`,
/// `&Tx`, and what [`Job::on_success`](crate::Job::on_success) returns.
#[diagnostic::on_unimplemented(
    message = "jobs cannot be published to `{Self}`",
    label = "expected `&PgPool`, `&mut PgConnection`, `&mut *transaction` or `&pgjobs::Tx`",
    note = "`&pool` of a pool, `&mut *tx` of a transaction (`&mut tx` lends it too), `&tx` of a `pgjobs::Tx`",
    note = "if it is one of these, it comes from another version of sqlx: pgjobs speaks sqlx 0.9, which is `pgjobs::sqlx`"
)]
pub trait Publisher<'c>: sealed::Place<'c> + Send + 'c {}

impl<'c, P: sealed::Place<'c> + Send + 'c> Publisher<'c> for P {}

mod sealed {
    use super::Target;

    pub trait Place<'c> {
        fn target(self) -> Target<'c>;
    }
}

/// Any publisher.
pub enum Target<'c> {
    Pool(&'c PgPool),
    Connection(&'c mut PgConnection),
    Tx(&'c Tx),
    OnSuccess(OnSuccess<'c>),
}

impl<'c> sealed::Place<'c> for &'c PgPool {
    fn target(self) -> Target<'c> {
        Target::Pool(self)
    }
}

impl<'c> sealed::Place<'c> for &'c mut PgConnection {
    fn target(self) -> Target<'c> {
        Target::Connection(self)
    }
}

impl<'c> sealed::Place<'c> for &'c mut PoolConnection<Postgres> {
    fn target(self) -> Target<'c> {
        Target::Connection(self)
    }
}

impl<'c> sealed::Place<'c> for &'c mut Transaction<'_, Postgres> {
    fn target(self) -> Target<'c> {
        Target::Connection(self)
    }
}

impl<'c> sealed::Place<'c> for &'c Tx {
    fn target(self) -> Target<'c> {
        Target::Tx(self)
    }
}

impl<'c> sealed::Place<'c> for OnSuccess<'c> {
    fn target(self) -> Target<'c> {
        Target::OnSuccess(self)
    }
}

/// A job that was sent, or that will be when its [`Tx`] commits.
#[derive(Clone)]
pub(super) enum Sent {
    /// Nothing but the id is known.
    Unknown(JobId),
    Now(PublishedJob),
    /// The id that it gets unless another job holds its unique key, and what the commit finds out.
    AtCommit(JobId, Arc<OnceLock<PublishedJob>>),
}

impl Sent {
    pub(super) fn id(&self) -> &JobId {
        match self {
            Sent::Unknown(id) => id,
            Sent::Now(job) => &job.id,
            Sent::AtCommit(id, placed) => placed.get().map_or(id, |job| &job.id),
        }
    }

    pub(super) fn outcome(&self) -> Option<PublishOutcome> {
        match self {
            Sent::Unknown(_) => None,
            Sent::Now(job) => job.outcome,
            Sent::AtCommit(_, placed) => placed.get()?.outcome,
        }
    }
}

/// What happens to every job before it is sent.
pub(crate) fn prepare(requests: &mut [JobRequest]) -> Result<(), Error> {
    #[cfg(feature = "otel")]
    crate::task::trace::note(requests);
    apply_layers(requests)?;
    requests.iter().try_for_each(|request| request.options.check())
}

pub(super) async fn send(target: Target<'_>, mut requests: Vec<JobRequest>) -> Result<Vec<Sent>, Error> {
    prepare(&mut requests)?;
    match target {
        _ if requests.is_empty() => Ok(Vec::new()), // without taking a connection
        Target::Tx(tx) => Ok(tx.keep(requests)),
        Target::OnSuccess(run) => {
            let sent = requests.iter_mut().map(tx::name).collect();
            run.keep(requests).map(|()| sent)
        }
        Target::Connection(connection) => {
            Ok(insert(connection, &requests, Statements::Named).await?.into_iter().map(Sent::Now).collect())
        }
        Target::Pool(pool) => {
            let insert = async |connection: &mut PgConnection, statements| {
                insert(connection, &requests, statements).await
            };
            Ok(on_pool(pool, insert).await?.into_iter().map(Sent::Now).collect())
        }
    }
}

pub(crate) fn target<'c>(publisher: impl Publisher<'c>) -> Target<'c> {
    publisher.target()
}

/// Runs statements at once on the connection that a publisher has, also on that of a [`Tx`].
pub(crate) async fn on_target<T>(
    target: Target<'_>,
    statements: impl AsyncFnOnce(&mut PgConnection, Statements) -> Result<T, Error>,
) -> Result<T, Error> {
    match target {
        Target::Pool(pool) => on_pool(pool, statements).await,
        Target::Connection(connection) => statements(connection, Statements::Named).await,
        Target::Tx(tx) => statements(&mut *tx.connection().await, tx.statements()).await,
        Target::OnSuccess(_) => Err(Error::Workflow(WorkflowError::OnSuccess)),
    }
}

/// All or nothing, in as many statements as the size of the jobs requires; and counts them.
pub(super) async fn insert(
    connection: &mut PgConnection,
    requests: &[JobRequest],
    statements: Statements,
) -> Result<Vec<PublishedJob>, Error> {
    let published = insert_all(connection, requests, statements).await?;
    counting::count(requests, &published);
    Ok(published)
}

async fn insert_all(
    connection: &mut PgConnection,
    requests: &[JobRequest],
    statements: Statements,
) -> Result<Vec<PublishedJob>, Error> {
    if let [request] = requests
        && request.options.unique.is_none()
    {
        return Ok(vec![db::publish::one(connection, request, statements).await?]);
    }
    let mut chunks = chunks(requests, JobRequest::bytes);
    match chunks.next() {
        None => Ok(Vec::new()),
        Some(all) if all.len() == requests.len() => db::publish::many(connection, all, statements).await,
        Some(first) => {
            let chunks = std::iter::once(first).chain(chunks);
            insert_chunks(connection, chunks, requests.len(), statements).await
        }
    }
}

async fn insert_chunks<'d>(
    connection: &mut PgConnection,
    chunks: impl Iterator<Item = Chunk<'d, JobRequest>>,
    jobs: usize,
    statements: Statements,
) -> Result<Vec<PublishedJob>, Error> {
    // If the session is in a transaction that sqlx did not begin, a commit here would commit that one. An
    // error of any statement aborts that transaction as a whole, too.
    if !connection.is_in_transaction() && db::publish::is_in_transaction(connection).await? {
        return send_chunks(connection, chunks, jobs, statements).await;
    }
    let mut tx = transaction::begin(connection).await?;
    let ids = send_chunks(&mut tx, chunks, jobs, statements).await?;
    tx.commit().await?;
    Ok(ids)
}

async fn send_chunks<'d>(
    connection: &mut PgConnection,
    chunks: impl Iterator<Item = Chunk<'d, JobRequest>>,
    jobs: usize,
    statements: Statements,
) -> Result<Vec<PublishedJob>, Error> {
    let mut all = Vec::with_capacity(jobs);
    for chunk in chunks {
        let published = db::publish::many(connection, chunk, statements).await;
        all.extend(published.map_err(|error| among_all(error, chunk, jobs))?);
    }
    Ok(all)
}

/// Replaces the job's position within its statement, which the database reports, by its position in all jobs.
fn among_all(error: Error, chunk: Chunk<'_, JobRequest>, jobs: usize) -> Error {
    let Error::Refused { code, message, hint } = error else { return error };
    let counted = message.strip_prefix("job ").and_then(|rest| {
        let (place, reason) = rest.split_once(&format!(" of {}: ", chunk.len()))?;
        Some((place.parse::<usize>().ok()?, reason))
    });
    let message = match counted {
        Some((place, reason)) => format!("job {} of {jobs}: {reason}", chunk.at + place),
        None if chunk.len() == 1 => format!("job {} of {jobs}: {message}", chunk.at + 1),
        None => message,
    };
    Error::Refused { code, message, hint }
}
