//! A connection that is held, and opened anew when it broke.
//!
//! The pool pings a connection each time it hands it out and takes it back; a loop that runs a
//! thousand statements a second holds one instead. After any error that the connection may not
//! have survived it is dropped, never reused: a half-read reply would answer the next question.
//!
//! Every call has a deadline on this side as well, because a server can hang and a network can
//! swallow packets without a word. What runs out of time is dropped together with its connection;
//! whether the server did what it was asked is then unknown, and the caller has to cope with both.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use super::servers::Servers;
use crate::backoff::Backoff;
use crate::error::Error;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// Claims and settles of several workers meet in one table; under a stricter level they would fail.
/// Said as a statement because poolers refuse it as an option of the connection.
const READ_COMMITTED: &str = "set session characteristics as transaction isolation level read committed";

pub(crate) struct Link {
    servers: Servers,
    deadline: Duration,
    connection: Option<PgConnection>,
    /// Which of the servers it is connected to; none before the first connection.
    at: Option<usize>,
    is_new: bool,
    failures: u32,
}

impl Link {
    pub(crate) fn new(servers: Servers, deadline: Duration) -> Self {
        Link { servers, deadline, connection: None, at: None, is_new: false, failures: 0 }
    }

    /// Runs statements on the connection, opened if need be, within the deadline.
    pub(crate) async fn call<T>(
        &mut self,
        statements: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut connection = match self.open().await {
            Ok(connection) => connection,
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                return Err(error);
            }
        };
        let outcome = within(self.deadline, statements(&mut connection)).await;
        match &outcome {
            Ok(_) => self.failures = 0,
            Err(_) => self.failures = self.failures.saturating_add(1),
        }
        if !outcome.as_ref().is_err_and(breaks_connection) {
            self.connection = Some(connection);
        }
        outcome
    }

    async fn open(&mut self) -> Result<PgConnection, Error> {
        // When another connection has found that the primary is elsewhere, this one leads to a server of the past.
        if let Some(connection) = self.connection.take_if(|_| self.at == Some(self.servers.primary())) {
            return Ok(connection);
        }
        self.connection = None;
        let (mut connection, at) = self.servers.connect(self.deadline).await?;
        let connection = within(self.deadline, async {
            connection.execute(READ_COMMITTED).await?;
            Ok(connection)
        })
        .await?;
        (self.at, self.is_new) = (Some(at), true);
        Ok(connection)
    }

    /// Whether a connection was opened since this was asked last.
    pub(crate) fn is_new(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }

    /// How long to wait before the next try after a failure.
    pub(crate) fn retry_delay(&self) -> Duration {
        RECONNECT.delay(self.failures.saturating_sub(1).min(20))
    }

    pub(crate) async fn close(self) {
        if let Some(connection) = self.connection {
            // The server notices an abrupt end as well; a clean one only spares its log a line.
            let _ = within(Duration::from_secs(1), async { Ok(connection.close().await?) }).await;
        }
    }
}

pub(crate) async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = || {
        let reason = format!("no answer within {deadline:?}");
        Error::Database(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, reason)))
    };
    tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| Err(late()))
}

pub(crate) fn server_code(error: &Error) -> Option<String> {
    let (Error::Database(error) | Error::SchemaMissing(error)) = error else { return None };
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// Whether the connection may be unusable: all errors but those that the server reported while
/// going on, and among those the ones that say that it is going down or that plans are stale.
fn breaks_connection(error: &Error) -> bool {
    match (error, server_code(error)) {
        // What was prepared is gone, or never was on this session: only a new connection starts afresh.
        (Error::TransactionPooling { .. }, _) => true,
        (_, Some(code)) => {
            code.starts_with("57P") || code.starts_with("08") || code == "0A000" || code == "25006"
        }
        (error, None) => is_unanswered(error),
    }
}

/// Whether the server may have done what it was asked without our hearing of it.
pub(crate) fn is_unanswered(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.as_database_error().is_none())
}

/// Whether the server refused what a statement held, so that saying it again would not help: bad
/// data, a broken constraint, a limit of the server. Everything else passes, or somebody mends it.
pub(crate) fn is_about_content(error: &Error) -> bool {
    match error {
        Error::Database(sqlx::Error::Encode(_)) => true,
        error => server_code(error)
            .is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class))),
    }
}
