//! Limits: how many jobs run at once, how often they start, in which order, and shared by whom.
//!
//! A limit covers the tasks under a topic, in all workers together: the database applies it when jobs are
//! claimed. With a key it holds for each value of these arguments by itself, so that a customer with a
//! thousand jobs runs two at a time, and another one is not behind them.
//!
//! | a limit says | which means |
//! |---|---|
//! | [`max`](Limit::max) | so many jobs of a key run at once |
//! | [`rate`](Limit::rate) | so many start in a time, `100/s`, and so many at once after a pause ([`burst`](Limit::burst)) |
//! | [`in_order`](Limit::in_order) | one job of a key after another, also while one waits for its next run |
//! | [`fair`](Limit::fair) | the keys take turns by the time that their jobs run |
//!
//! A task may declare its limits, `#[task(limit(key = customer, max = 2, rate = "100/s"))]`; a worker saves
//! them when it starts. Others are made while the program runs, by [`Limit::save`], by the command line or in
//! SQL: the same rows, which anybody may list and change. A change holds at once, also for the jobs that
//! wait.
//!
//! ```no_run
//! use pgjobs::limits::{self, Limit};
//!
//! # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
//! // All of Europe together: 50 at once, and 300 starts in a minute.
//! Limit::new("eu.api").topic("eu.*").max(50).rate("300/m").save(&pool).await?;
//! // Two of each customer.
//! Limit::new("eu.customers").topic("eu.*").key(["customer"]).max(2).save(&pool).await?;
//!
//! for limit in limits::list(&pool, None).await? {
//!     println!("{}: {} of {:?} run, {} wait", limit.name, limit.held, limit.max, limit.blocked);
//! }
//! # Ok(()) }
//! ```
//!
//! A service that says when it will take more is answered by [`Job::block_key`](crate::Job::block_key), from
//! within a job, or [`block_key`] from anywhere. Code that is no job takes part in the rates of a limit with
//! a [`limiter`](crate::limiter).
//!
//! What changes limits takes a pool, or a connection or transaction of yours as `&mut *tx`; what reads takes
//! a pool. The database user needs the role `jobs_admin`; for [`list`] and [`get`] `jobs_reader` will do, and
//! for [`block_key`] `jobs_worker`.
//!
//! Each function returns [`Error::Database`] when its query fails; [`keys`], [`block_key`] and
//! [`release_key`] return [`Error::Refused`] with `PT404` for a name that no limit has.

mod builder;
mod limiter;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) mod words;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgExecutor, PgPool};

use crate::db::limit as db;
use crate::types::error::Error;
use crate::types::topic::Topic;

pub use crate::db::limit::{BlockedKeyRow, LimitKeyRow, LimitRow};
pub use crate::types::limit::OnDead;
pub use builder::Limit;
pub use limiter::{Acquired, Limiter, limiter};

/// The limits that cover this task, or whose topic is under this one (`None`: all), in the order of their
/// names, with the slots that are held and the jobs that wait.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for limit in pgjobs::limits::list(&pool, Some(&"eu.import".parse()?)).await? {
///     println!("{} keeps {} jobs of {} waiting", limit.name, limit.blocked, limit.topic);
/// }
/// # Ok(()) }
/// ```
pub async fn list(pool: &PgPool, topic: Option<&Topic>) -> Result<Vec<LimitRow>, Error> {
    db::list(&mut *pool.acquire().await?, topic).await
}

/// The limit of this name; `None` when there is none.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// if let Some(limit) = pgjobs::limits::get(&pool, "eu.api").await? {
///     println!("{} of {:?} run, starts {:?}; by {}", limit.held, limit.max, limit.rates, limit.changed_by);
/// }
/// # Ok(()) }
/// ```
pub async fn get(pool: &PgPool, name: &str) -> Result<Option<LimitRow>, Error> {
    db::get(&mut *pool.acquire().await?, name).await
}

/// Drops a limit; `false` when there was none. What runs goes on, and the jobs that it held back start as
/// others do. One that the code declares comes back with the next worker that starts.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::limits;
///
/// // Their new contract: any number of calls.
/// if !limits::drop(&pool, "eu.api").await? {
///     println!("there was no such limit; there are {}", limits::list(&pool, None).await?.len());
/// }
/// # Ok(()) }
/// ```
pub async fn drop(database: impl PgExecutor<'_>, name: &str) -> Result<bool, Error> {
    db::remove(database, name).await
}

/// The keys of a limit that are of interest, at most so many: closed ones first, then those that jobs wait
/// for, then those that most jobs run of.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for key in pgjobs::limits::keys(&pool, "eu.customers", 20).await? {
///     println!("{}: {} run, {} wait, closed until {:?}", key.key, key.held, key.blocked, key.closed_until);
/// }
/// # Ok(()) }
/// ```
pub async fn keys(pool: &PgPool, name: &str, limit: u16) -> Result<Vec<LimitKeyRow>, Error> {
    db::keys(&mut *pool.acquire().await?, name, i32::from(limit)).await
}

/// The keys whose jobs wait for somebody, of the limits that [`list`] has for a topic (`None`: all), at most
/// so many: that are closed, or whose job in order waits for its next run. The one whose jobs wait the
/// longest comes first.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for key in pgjobs::limits::blocked_keys(&pool, None, 20).await? {
///     println!("{} {}: {} jobs wait behind {:?}", key.name, key.key, key.blocked, key.closed_by);
/// }
/// # Ok(()) }
/// ```
pub async fn blocked_keys(
    pool: &PgPool,
    topic: Option<&Topic>,
    limit: u16,
) -> Result<Vec<BlockedKeyRow>, Error> {
    db::blocked_keys(&mut *pool.acquire().await?, topic, i32::from(limit)).await
}

/// Closes a key: none of its jobs starts before that time. Runs go on, and never wait for this. The key is
/// one value, or several as a tuple or array in the order of the limit's key; `()` for a limit without one. A
/// key that is closed for longer stays so.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, retry_after: std::time::Duration) -> Result<(), pgjobs::Error> {
/// use pgjobs::{chrono::Utc, limits};
///
/// limits::block_key(&pool, "stripe", "acme", Utc::now() + retry_after, Some("429 of stripe")).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Encode`] for a key that is not JSON; [`Error::Refused`] with `PT400` for one with another number
/// of values, a time out of range, or a reason of more than 1,000 characters, with `PT403` where a restricted
/// role may not run the tasks of the limit.
pub async fn block_key(
    database: impl PgExecutor<'_>,
    name: &str,
    key: impl Serialize,
    until: DateTime<Utc>,
    reason: Option<&str>,
) -> Result<(), Error> {
    db::block_key(database, name, &db::key(key)?, until, reason).await
}

/// Opens a key that is closed, also one that a failed job in order has closed; `false` when it was open. The
/// key is given as in [`block_key`].
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// // The posting that failed was corrected by hand: on with the others of account 7.
/// if pgjobs::limits::release_key(&pool, "post/account", 7).await? {
///     println!("account 7 is open again");
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`block_key`].
pub async fn release_key(
    database: impl PgExecutor<'_>,
    name: &str,
    key: impl Serialize,
) -> Result<bool, Error> {
    db::release_key(database, name, &db::key(key)?).await
}
