//! Remote control: tells workers to pause, to drain, to run more or fewer jobs at once, and says what
//! became of it.
//!
//! A command is a row in the database for each worker that it goes to. A worker hears of it at once, by a
//! notification, or within one poll (see [`Worker::poll`](crate::Worker::poll)) where notifications do not
//! arrive; and it writes down what it did. So a command ends with a receipt whatever happens to its worker:
//! *applied* or *refused* by the worker's own word, or *expired*, when the worker is gone or did not begin
//! with it in time. A worker that was frozen and wakes up later does not carry out what has expired.
//!
//! ```no_run
//! use std::time::Duration;
//! use pgjobs::control::{self, Command, To};
//!
//! # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
//! // While the mail server is down, no worker that sends mails claims any more.
//! let sent = control::send(&pool, &To::topic("mail.*"), &Command::Pause).reason("mail server down").await?;
//! for receipt in control::wait(&pool, &sent, Duration::from_secs(10)).await? {
//!     println!("{}: {} ({})", receipt.worker, receipt.state, receipt.answer.unwrap_or_default());
//! }
//! # Ok(()) }
//! ```
//!
//! The database user needs the role `jobs_admin`; each call is written to the audit. Each function returns
//! [`Error::Refused`] with `PT400` for a wrong argument, and [`Error::Database`] when its query fails.

mod log;

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::PgPool;
use uuid::Uuid;

use crate::db::command::{self, Recipients};
use crate::types::command::EXPIRES;
use crate::types::error::Error;

pub use crate::db::command::CommandRow;
pub use crate::types::command::{Command, CommandState};
pub use log::on_log;
pub(crate) use log::set_log;

/// The workers that a command goes to: those of them that live when it is sent. A worker that starts later is
/// not meant.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::control::{self, Command, To};
///
/// let mails = To::topic("mail.*");
/// control::send(&pool, &mails, &Command::Slots(4)).reason("the relay is slow").await?;
/// // …
/// control::send(&pool, &mails, &Command::Slots(32)).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct To {
    workers: Option<Vec<Uuid>>,
    topic: Option<String>,
}

impl To {
    /// One worker; [`inspect::workers`](crate::inspect::workers) has the ids.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::control::{self, Command, To};
    ///
    /// for worker in pgjobs::inspect::workers(&pool).await?.iter().filter(|worker| worker.alive) {
    ///     if worker.host == "web-3" {
    ///         control::send(&pool, &To::worker(worker.id), &Command::Drain).await?;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn worker(id: Uuid) -> Self {
        To::workers([id])
    }

    /// Several workers. When one of them no longer lives, [`send`] refuses the command and sends it to none.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::control::{self, Command, To};
    ///
    /// let workers = pgjobs::inspect::workers(&pool).await?;
    /// let old = workers.iter().filter(|worker| worker.alive && worker.version != "1.4.0");
    /// let old = To::workers(old.map(|worker| worker.id));
    /// control::send(&pool, &old, &Command::Drain).reason("1.4.0 is deployed").await?;
    /// # Ok(()) }
    /// ```
    pub fn workers(ids: impl IntoIterator<Item = Uuid>) -> Self {
        To { workers: Some(ids.into_iter().collect()), topic: None }
    }

    /// Every worker that claims a task under this topic. The command is about the whole worker, with its
    /// other tasks; to stop the jobs of a topic and no others, use
    /// [`admin::pause_topic`](crate::admin::pause_topic).
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::control::{self, Command, To};
    ///
    /// let exports = To::topic("export.*");
    /// let sent = control::send(&pool, &exports, &Command::Pause).reason("the disk is full").await?;
    /// println!("{} workers claim no exports until they are resumed", sent.len());
    /// # Ok(()) }
    /// ```
    pub fn topic(topic: impl Into<String>) -> Self {
        To { workers: None, topic: Some(topic.into()) }
    }

    /// Every worker.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::control::{self, Command, To};
    ///
    /// let filter = Command::Log("info,shop=debug".to_owned());
    /// control::send(&pool, &To::all(), &filter).await?;
    /// # Ok(()) }
    /// ```
    pub fn all() -> Self {
        To::topic("*")
    }
}

/// Sends a command, and returns its number for each worker; `.await` it.
///
/// No numbers mean that no living worker is meant. [`wait`] waits for the receipts.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::control::{self, Command, To};
///
/// let sent = control::send(&pool, &To::topic("mail.*"), &Command::Resume).await?;
/// if sent.is_empty() {
///     println!("no living worker has a task under mail.*");
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when a worker is named that does not live, with `PT400` for slots, a
/// filter (1 to 1,000 characters) or a time out of range.
pub fn send<'a>(pool: &'a PgPool, to: &'a To, command: &'a Command) -> Sending<'a> {
    Sending { pool, to, command, reason: None, expires: EXPIRES }
}

/// A command that is about to be sent, see [`send`]: why, and how long it waits for its workers.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use std::time::Duration;
/// use pgjobs::control::{self, Command, To};
///
/// let (to, command) = (To::all(), Command::Ping);
/// let sending = control::send(&pool, &to, &command).reason("do they hear?");
/// let sent = sending.expires(Duration::from_secs(5)).await?;
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent before `.await`"]
pub struct Sending<'a> {
    pool: &'a PgPool,
    to: &'a To,
    command: &'a Command,
    reason: Option<&'a str>,
    expires: Duration,
}

impl<'a> Sending<'a> {
    /// Why, for the audit and for whoever finds the worker so; of a longer text the first 1,000 characters
    /// are kept.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::control::{self, Command, To};
    ///
    /// let to = To::topic("mail.*");
    /// control::send(&pool, &to, &Command::Pause).reason("the mail server moves until noon").await?;
    /// # Ok(()) }
    /// ```
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// A worker that has not begun with it by then never does: 1 s to 1 day, by default a minute.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use std::time::Duration;
    /// use pgjobs::control::{self, Command, To};
    ///
    /// // A worker that hangs shall not stop an hour later, when all is well again.
    /// let to = To::topic("import.*");
    /// control::send(&pool, &to, &Command::Stop).expires(Duration::from_secs(10)).await?;
    /// # Ok(()) }
    /// ```
    pub fn expires(mut self, after: Duration) -> Self {
        self.expires = after;
        self
    }
}

impl<'a> IntoFuture for Sending<'a> {
    type Output = Result<Vec<i64>, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Sending { pool, to, command, reason, expires } = self;
        Box::pin(async move {
            let to = Recipients { workers: to.workers.as_deref(), topic: to.topic.as_deref() };
            command::send(&mut *pool.acquire().await?, &to, command, reason, expires).await
        })
    }
}

/// The commands of these numbers once all have ended, or as they are after `limit`; newest first, at most
/// 10,000.
///
/// Looks ten times a second. A number that is not known, or no more (commands are kept for a week), is left
/// out.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use std::time::Duration;
/// use pgjobs::control::{self, Command, CommandState, To};
///
/// let sent = control::send(&pool, &To::all(), &Command::Ping).await?;
/// for receipt in control::wait(&pool, &sent, Duration::from_secs(5)).await? {
///     if receipt.state != CommandState::Applied {
///         println!("{} on {:?}: {:?}", receipt.worker, receipt.host, receipt.answer);
///     }
/// }
/// # Ok(()) }
/// ```
pub async fn wait(pool: &PgPool, commands: &[i64], limit: Duration) -> Result<Vec<CommandRow>, Error> {
    const LOOK: Duration = Duration::from_millis(100);
    let until = tokio::time::Instant::now() + limit;
    loop {
        let receipts = receipts_of(pool, commands).await?;
        let all_ended = receipts.iter().all(|receipt| receipt.state.has_ended());
        if all_ended || tokio::time::Instant::now() + LOOK > until {
            return Ok(receipts);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn receipts_of(pool: &PgPool, commands: &[i64]) -> Result<Vec<CommandRow>, Error> {
    let num = i32::try_from(commands.len()).unwrap_or(i32::MAX);
    command::commands(&mut *pool.acquire().await?, None, Some(commands), num).await
}

/// The last commands, newest first, at most 10,000: to one worker, or to all.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for receipt in pgjobs::control::receipts(&pool, None, 20).await? {
///     println!("{} {} by {}: {}", receipt.sent_at, receipt.kind, receipt.who, receipt.state);
/// }
/// # Ok(()) }
/// ```
pub async fn receipts(pool: &PgPool, worker: Option<Uuid>, num: u16) -> Result<Vec<CommandRow>, Error> {
    command::commands(&mut *pool.acquire().await?, worker, None, i32::from(num)).await
}
