//! The database of one test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::clock::Clock;
use super::drain::Drain;
use super::error::TestError;
use super::fault::Fault;
use super::inner::Inner;
use super::published::{Published, read};
use super::run_now::RunNow;
use crate::db::testing;
use crate::publish::JobHandle;
use crate::task::definition::Task;

/// The most connections of a test's pool; a worker has four of its own.
const CONNECTIONS: u32 = 10;

/// The database of one test, migrated and with a [`Clock`], and what a test does with its jobs.
///
/// [`#[pgjobs::test]`](macro@crate::test) makes one and drops it. Clones are the same database.
///
/// ```no_run
/// # use pgjobs::{sqlx, task, testing::Database};
/// # #[task] async fn welcome(user_id: i64) {}
/// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
/// let job = welcome::publish(db.pool(), 7).await?;
/// assert_eq!(db.published::<welcome>().await?[0].call.user_id, 7);
/// assert_eq!(db.drain().await?.succeeded, 1);
/// job.wait(db.pool()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Database(Arc<Inner>);

impl Database {
    /// A database that is there already, such as that of an `#[sqlx::test]`: migrates schema `jobs` in it and
    /// adds the clock.
    ///
    /// From then on its time can be moved, so it must be a database for tests alone. Two handles that are made
    /// so share the clock, but neither faults nor the knowledge which workers died of them; clones share all.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
    /// let db = pgjobs::testing::Database::of(pool).await?;
    /// db.clock().advance(std::time::Duration::from_secs(60)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`migrate`](crate::migrate); and when the role of the pool does not own schema `jobs`.
    pub async fn of(pool: PgPool) -> Result<Self, TestError> {
        crate::db::migrate::migrate(&pool).await?;
        testing::add_clock(&pool).await?;
        Ok(Database::open(pool))
    }

    pub(super) fn connect(options: PgConnectOptions) -> Self {
        Database::open(PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options))
    }

    fn open(pool: PgPool) -> Self {
        Database(Arc::new(Inner::new(pool)))
    }

    /// A pool on the database, which the program under test is given.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// The clock that everything in schema `jobs` reads.
    pub fn clock(&self) -> Clock<'_> {
        Clock(&self.0)
    }

    /// Every job of a task that was published and is kept, in the order of their publishing, whether it is
    /// pending, running or has ended: for what [`assert_published!`](crate::assert_published) cannot say.
    ///
    /// ```no_run
    /// # use pgjobs::{task, testing::Database};
    /// # #[task] async fn welcome(user_id: i64) {}
    /// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
    /// let letters = db.published::<welcome>().await?;
    /// assert!(letters.iter().all(|letter| letter.priority > 0 && letter.call.user_id != 13));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When a job's arguments do not fit the task, or the database cannot be reached.
    pub async fn published<T: Task + DeserializeOwned>(&self) -> Result<Vec<Published<T>>, TestError> {
        let names: Vec<&str> = T::DEF.names().collect();
        testing::published(self.pool(), &names).await?.into_iter().map(read).collect()
    }

    /// Has a worker run every job that is ready, and those that they publish, until none is left.
    pub fn drain(&self) -> Drain<'_> {
        Drain::new(&self.0)
    }

    /// Has a worker run this one job, also one that is scheduled for later, and returns its result.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use pgjobs::{TaskError, task, testing::Database};
    /// # #[task] async fn add(a: i64, b: i64) -> Result<i64, TaskError> { Ok(a + b) }
    /// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
    /// let tomorrow = add::publish(db.pool(), 1, 2).delay(Duration::from_secs(86_400)).await?;
    /// assert_eq!(db.run_now(&tomorrow).await?, 3);
    /// # Ok(()) }
    /// ```
    pub fn run_now<R: DeserializeOwned>(&self, job: &JobHandle<R>) -> RunNow<'_, R> {
        RunNow::new(&self.0, job.clone())
    }

    /// Lets this happen in the next `times` runs of a task that [`drain`](Database::drain) or
    /// [`run_now`](Database::run_now) make, whichever jobs they are of; in the call of a batch handler it meets
    /// one job. A fault whose run never comes is not reported.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use pgjobs::{task, testing::{Database, Fault}};
    /// # #[task] async fn charge(cents: i64) {}
    /// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
    /// charge::publish(db.pool(), 500).await?;
    /// db.inject::<charge>(Fault::DieAfter, 1);
    /// db.drain().await?.no_failures()?; // charged, and the worker dies before it could say so
    ///
    /// db.clock().advance(Duration::from_secs(60)).await?; // its lease is over
    /// assert_eq!(db.drain().await?.succeeded, 1); // the second run: was the customer charged twice?
    /// # Ok(()) }
    /// ```
    pub fn inject<T: Task>(&self, fault: Fault, times: u32) {
        self.0.faults.plan(T::DEF.names().collect(), fault, times);
    }

    /// Lets the next `times` runs of a task fail: [`Fault::Error`] with a text of no meaning.
    ///
    /// ```no_run
    /// # use pgjobs::{task, testing::Database};
    /// # #[task(backoff = "fixed(1m)")] async fn welcome(user_id: i64) {}
    /// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
    /// welcome::publish(db.pool(), 7).await?;
    /// db.fail_next::<welcome>(2);
    /// let report = db.drain().including_scheduled().await?;
    /// assert_eq!((report.retried, report.succeeded), (2, 1));
    /// # Ok(()) }
    /// ```
    pub fn fail_next<T: Task>(&self, times: u32) {
        self.inject::<T>(Fault::Error("an injected fault".to_owned()), times);
    }

    /// Closes the pool; something that a test left running may keep a connection.
    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.pool().close()).await;
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.pool().connect_options();
        f.debug_tuple("Database").field(&options.get_database().unwrap_or_default()).finish()
    }
}
