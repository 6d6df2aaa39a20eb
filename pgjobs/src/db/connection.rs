//! A long-lived connection that reopens itself after it broke.
//!
//! The pool pings a connection each time it hands it out and takes it back; a loop that runs a thousand
//! statements a second keeps one open instead. After any error that the connection may not have survived it
//! is dropped, never reused: the rest of a half-read reply would be read as the answer to the next query.
//!
//! Every call also has a deadline on the client, because a server can hang and a network can drop packets
//! without an error. A call that exceeds it is dropped together with its connection; whether the server
//! executed it is then unknown, and the caller has to handle both cases. The session on the server has the
//! same deadline, a little shorter (see [`session`]).

use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::hosts::Hosts;
use super::refusal::breaks_connection;
use super::session::{self, Session};
use crate::types::backoff::Backoff;
use crate::types::error::Error;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

pub(crate) struct DbConnection {
    hosts: Hosts,
    deadline: Duration,
    /// The deadline of the longest call, used for the session on the server.
    longest: Duration,
    connection: Option<PgConnection>,
    /// Index of the server it is connected to; `None` before the first connection.
    at: Option<usize>,
    opened: Option<Instant>,
    is_reconnected: bool,
    /// The session of the last connection.
    session: Option<Session>,
    failures: u32,
}

impl DbConnection {
    pub(crate) fn new(hosts: Hosts, deadline: Duration) -> Self {
        DbConnection {
            hosts,
            deadline,
            longest: deadline,
            connection: None,
            at: None,
            opened: None,
            is_reconnected: false,
            session: None,
            failures: 0,
        }
    }

    /// Allows some calls to take longer, see [`call_within`](DbConnection::call_within).
    pub(crate) fn longest(mut self, longest: Duration) -> Self {
        self.longest = self.deadline.max(longest);
        self
    }

    /// Opens the connection before the first call; the deadline applies to each server.
    pub(crate) async fn connect(&mut self, deadline: Duration) -> Result<(), Error> {
        self.connection = Some(self.open(deadline).await?);
        Ok(())
    }

    /// Runs statements on the connection within the deadline, opening it first if necessary.
    pub(crate) async fn call<T>(
        &mut self,
        statements: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.call_within(self.deadline, statements).await
    }

    /// As [`call`](DbConnection::call), with a deadline for this call alone.
    pub(crate) async fn call_within<T>(
        &mut self,
        deadline: Duration,
        statements: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut connection = match self.open(self.hosts.patience()).await {
            Ok(connection) => connection,
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                return Err(error);
            }
        };
        let outcome = within(deadline, statements(&mut connection)).await;
        match &outcome {
            Ok(_) => self.failures = 0,
            Err(_) => self.failures = self.failures.saturating_add(1),
        }
        if !outcome.as_ref().is_err_and(breaks_connection) {
            self.connection = Some(connection);
        }
        outcome
    }

    /// Returns the open connection or opens one; the deadline applies to each step. Opening takes half a
    /// dozen round trips and more, however short the deadline of a single statement is.
    async fn open(&mut self, deadline: Duration) -> Result<PgConnection, Error> {
        // When another connection has found the primary on another server, this connection leads to a former
        // primary.
        if let Some(connection) = self.connection.take_if(|_| self.at == Some(self.hosts.primary())) {
            return Ok(connection);
        }
        self.connection = None;
        let (mut connection, at) = self.hosts.connect(deadline).await?;
        let longest = self.longest;
        let session = within(deadline, session::prepare(&mut connection, longest)).await?;
        self.session = Some(session);
        self.is_reconnected |= self.opened.is_some();
        (self.at, self.opened) = (Some(at), Some(Instant::now()));
        Ok(connection)
    }

    /// Whether the connection was reopened since the last call of this function.
    pub(crate) fn is_reconnected(&mut self) -> bool {
        std::mem::take(&mut self.is_reconnected)
    }

    /// The session of the last connection, whether it is still open or not.
    pub(crate) fn session(&self) -> Option<Session> {
        self.session
    }

    /// When the last connection was opened.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// How long to wait before the next attempt after a failure.
    pub(crate) fn retry_delay(&self) -> Duration {
        RECONNECT.delay(self.failures.saturating_sub(1).min(20))
    }

    pub(crate) async fn close(self) {
        if let Some(connection) = self.connection {
            // The server notices an abrupt end as well; a clean one only avoids a line in its log.
            let _ = within(Duration::from_secs(1), async { Ok(connection.close().await?) }).await;
        }
    }
}

pub(crate) async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = || unconfirmed(format!("no answer within {deadline:?}"));
    tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| Err(late()))
}

/// The error of a call that was abandoned without an answer.
pub(crate) fn unconfirmed(reason: String) -> Error {
    Error::Database(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, reason)))
}
