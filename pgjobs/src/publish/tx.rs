//! A transaction for publishing by shared reference from many parts of a program.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::{Mutex, MutexGuard};

use super::publisher::{Sent, insert};
use crate::db::pooler::Statements;
use crate::db::publish::refuse_aborted;
use crate::db::transaction;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_request::{JobRequest, PublishedJob};
use crate::types::unique::PublishOutcome;

/// A transaction that is shared by reference and sends its jobs in one statement at commit.
///
/// Only one part of a program can use a `&mut Transaction` at a time; every part that serves a request can
/// use a `&Tx`. It collects the published jobs and sends them together when it commits, so ten calls cost one
/// round trip. Their ids are known at once. [`commit`](Tx::commit) reports what the database refuses, and
/// then nothing is committed.
///
/// ```no_run
/// use pgjobs::{Tx, task};
///
/// #[task]
/// async fn welcome(user_id: i64) {}
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let tx = Tx::begin(&pool).await?;
/// sqlx::query("insert into users (id) values (7)").execute(&mut *tx.connection().await).await?;
/// welcome::publish(&tx, 7).await?;
/// tx.commit().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "what is published through it is sent by .commit().await; dropping it undoes everything"]
pub struct Tx {
    transaction: Mutex<Transaction<'static, Postgres>>,
    kept: SyncMutex<Vec<JobRequest>>,
    statements: Statements,
}

impl Tx {
    /// Begins a transaction on a connection of the pool.
    ///
    /// # Errors
    /// [`Error::Database`] when the pool has no connection to give.
    pub async fn begin(pool: &PgPool) -> Result<Self, Error> {
        Ok(Tx { statements: Statements::of(pool), ..Tx::from(transaction::begin_on(pool).await?) })
    }

    /// The connection, for your own statements; other users of the `Tx` wait until it is dropped.
    pub async fn connection(&self) -> TxConnection<'_> {
        TxConnection(self.transaction.lock().await)
    }

    /// Sends the published jobs, and commits.
    ///
    /// # Errors
    /// [`Error::Refused`] when the database refuses a job, [`Error::Database`] when it fails, or when an
    /// earlier statement of the transaction had failed; the whole transaction is then rolled back.
    pub async fn commit(self) -> Result<(), Error> {
        let mut transaction = self.transaction.into_inner();
        let requests = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        if requests.is_empty() {
            refuse_aborted(&mut transaction).await?;
        }
        let published = insert(&mut transaction, &requests, self.statements).await?;
        transaction.commit().await?;
        tell(&requests, published);
        Ok(())
    }

    /// Rolls back; dropping the `Tx` does the same.
    ///
    /// # Errors
    /// [`Error::Database`] when the connection fails, which rolls back as well.
    pub async fn rollback(self) -> Result<(), Error> {
        Ok(self.transaction.into_inner().rollback().await?)
    }

    pub(super) fn statements(&self) -> Statements {
        self.statements
    }

    pub(super) fn keep(&self, mut requests: Vec<JobRequest>) -> Vec<Sent> {
        let sent = requests.iter_mut().map(name).collect();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).extend(requests);
        sent
    }
}

/// Tells the handles of jobs that were sent later what became of them.
pub(super) fn tell(requests: &[JobRequest], published: Vec<PublishedJob>) {
    for (request, job) in requests.iter().zip(published) {
        if let Some(placed) = &request.placed {
            let _set_once = placed.set(job);
        }
    }
}

/// Gives a job an id before it is sent. Only where another job may hold its unique key, more is to be learnt.
pub(super) fn name(request: &mut JobRequest) -> Sent {
    let id = JobId::generate();
    request.id = Some(id.clone());
    if request.checked && request.options.unique.is_none() {
        return Sent::Now(PublishedJob { id, outcome: Some(PublishOutcome::Published) });
    }
    let placed = request.placed.insert(Arc::default());
    Sent::AtCommit(id, placed.clone())
}

impl From<Transaction<'static, Postgres>> for Tx {
    fn from(transaction: Transaction<'static, Postgres>) -> Self {
        Tx { transaction: Mutex::new(transaction), kept: SyncMutex::default(), statements: Statements::Named }
    }
}

/// The connection of a [`Tx`], locked until this is dropped.
#[must_use = "others wait for the connection until this is dropped"]
pub struct TxConnection<'t>(MutexGuard<'t, Transaction<'static, Postgres>>);

impl Deref for TxConnection<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for TxConnection<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
