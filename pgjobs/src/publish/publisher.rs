//! The places a job can be published to.

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};

use super::tx::Tx;
use crate::draft::Draft;
use crate::error::Error;
use crate::job_id::JobId;
use crate::sql;
use crate::sql::pooler::{Statements, on_pool};

/// Where a job is published: a pool, a connection, your transaction, or a [`Tx`].
///
/// Behind a pooler that pools by transaction, give the pool `statement_cache_capacity(0)` and publish
/// to `&pool` or to a `Tx` begun on it: then statements without names are used, in one transaction.
/// Any other connection has to come from a pooler that pools by session, or from the server.
///
/// Sealed: implemented for `&PgPool`, `&mut PgConnection`, `&mut PoolConnection`,
/// `&mut Transaction` and `&Tx`, and for nothing else.
#[diagnostic::on_unimplemented(
    message = "jobs cannot be published to `{Self}`",
    label = "expected `&PgPool`, `&mut PgConnection`, `&mut *transaction` or `&pgjobs::Tx`"
)]
pub trait Publisher<'c>: sealed::Place<'c> + Send + 'c {}

impl<'c, P: sealed::Place<'c> + Send + 'c> Publisher<'c> for P {}

mod sealed {
    use super::Target;

    pub trait Place<'c> {
        fn target(self) -> Target<'c>;
    }
}

/// A publisher, whichever it is.
pub enum Target<'c> {
    Pool(&'c PgPool),
    Connection(&'c mut PgConnection),
    Tx(&'c Tx),
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

/// Jobs in one statement; above this, several statements in one transaction. Larger ones are slower: what the
/// server keeps of them between the steps of the statement no longer lies in the processor's cache.
const CHUNK: usize = 1024;

pub(super) async fn send(target: Target<'_>, drafts: Vec<Draft>) -> Result<Vec<JobId>, Error> {
    drafts.iter().try_for_each(|draft| draft.options.check())?;
    match target {
        Target::Tx(tx) => Ok(tx.keep(drafts)),
        Target::Connection(connection) => insert(connection, &drafts, Statements::Named).await,
        Target::Pool(pool) => {
            let insert = async |connection: &mut PgConnection, statements| {
                insert(connection, &drafts, statements).await
            };
            on_pool(pool, insert).await
        }
    }
}

pub(super) fn target<'c>(publisher: impl Publisher<'c>) -> Target<'c> {
    publisher.target()
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    drafts: &[Draft],
    statements: Statements,
) -> Result<Vec<JobId>, Error> {
    match drafts {
        [] => Ok(Vec::new()),
        [draft] if draft.id.is_none() => Ok(vec![sql::publish::one(connection, draft, statements).await?]),
        _ if drafts.len() <= CHUNK => sql::publish::many(connection, drafts, statements).await,
        _ => insert_chunks(connection, drafts, statements).await,
    }
}

async fn insert_chunks(
    connection: &mut PgConnection,
    drafts: &[Draft],
    statements: Statements,
) -> Result<Vec<JobId>, Error> {
    let mut ids = Vec::with_capacity(drafts.len());
    let mut tx = connection.begin().await?;
    for chunk in drafts.chunks(CHUNK) {
        ids.extend(sql::publish::many(&mut tx, chunk, statements).await?);
    }
    tx.commit().await?;
    Ok(ids)
}
