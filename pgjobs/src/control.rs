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

use std::sync::RwLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::PgPool;
use uuid::Uuid;

use crate::db::command::{self, Recipients};
use crate::types::command::EXPIRES;
use crate::types::error::Error;

pub use crate::db::command::CommandRow;
pub use crate::types::command::{Command, CommandState};

/// The workers that a command goes to: those that live when it is sent.
#[derive(Debug, Clone)]
pub struct To {
    workers: Option<Vec<Uuid>>,
    topic: Option<String>,
}

impl To {
    /// One worker; [`inspect::workers`](crate::inspect::workers) has the ids.
    pub fn worker(id: Uuid) -> Self {
        To::workers([id])
    }

    /// Several workers.
    pub fn workers(ids: impl IntoIterator<Item = Uuid>) -> Self {
        To { workers: Some(ids.into_iter().collect()), topic: None }
    }

    /// Every worker that claims a task under this topic.
    pub fn topic(topic: impl Into<String>) -> Self {
        To { workers: None, topic: Some(topic.into()) }
    }

    /// Every worker.
    pub fn all() -> Self {
        To::topic("*")
    }
}

/// Sends a command, and returns its number for each worker; `.await` it.
///
/// No numbers mean that no living worker is meant. [`wait`] waits for the receipts.
///
/// # Errors
/// [`Error::Refused`] with `PT404` when a worker is named that does not live.
pub fn send<'a>(pool: &'a PgPool, to: &'a To, command: &'a Command) -> Sending<'a> {
    Sending { pool, to, command, reason: None, expires: EXPIRES }
}

/// A command that is about to be sent.
#[must_use = "nothing is sent before `.await`"]
pub struct Sending<'a> {
    pool: &'a PgPool,
    to: &'a To,
    command: &'a Command,
    reason: Option<&'a str>,
    expires: Duration,
}

impl<'a> Sending<'a> {
    /// Why, for the audit and for whoever finds the worker so; at most 1,000 characters are kept.
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// A worker that has not begun with it by then never does: 1 s to 1 day, by default a minute.
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

/// The commands of these numbers once all have ended, or as they are after `limit`; newest first.
///
/// Looks ten times a second. A number that is not known, or no more (commands are kept for a week), is left
/// out.
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
pub async fn receipts(pool: &PgPool, worker: Option<Uuid>, num: u16) -> Result<Vec<CommandRow>, Error> {
    command::commands(&mut *pool.acquire().await?, worker, None, i32::from(num)).await
}

type SetLog = Box<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

static LOG: RwLock<Option<SetLog>> = RwLock::new(None);

/// Says how the workers of this process change what they log when [`Command::Log`] tells them to: from the
/// filter to what the receipt says, or to the reason why not. The command line does this by itself; a later
/// call replaces an earlier one.
///
/// ```
/// # fn reload(filter: &str) -> Result<(), String> { Ok(()) } // of your subscriber
/// pgjobs::control::on_log(|filter| match reload(filter) {
///     Ok(()) => Ok(format!("logs by {filter}")),
///     Err(error) => Err(error),
/// });
/// ```
pub fn on_log(set: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static) {
    *LOG.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Box::new(set));
}

/// Changes what this process logs.
pub(crate) fn set_log(filter: &str) -> Result<String, String> {
    let set = LOG.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    match &*set {
        Some(set) => set(filter),
        None => {
            Err("the program of this worker has not said how to change its log (pgjobs::control::on_log); \
                     a worker of the command line has"
                .to_owned())
        }
    }
}
