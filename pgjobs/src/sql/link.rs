//! A connection that is held, and opened anew when it broke.
//!
//! The pool pings a connection each time it hands it out and takes it back; a loop that runs a
//! thousand statements a second holds one instead. After any error that the connection may not
//! have survived it is dropped, never reused: a half-read reply would answer the next question.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::backoff::Backoff;
use crate::error::Error;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

pub(crate) struct Link {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    failures: u32,
}

impl Link {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        Link { options: options.disable_statement_logging(), connection: None, failures: 0 }
    }

    /// The connection, opened if need be.
    pub(crate) async fn get(&mut self) -> Result<&mut PgConnection, Error> {
        if self.connection.is_none() {
            self.connection = Some(PgConnection::connect_with(&self.options).await?);
        }
        self.connection.as_mut().ok_or(Error::Database(sqlx::Error::PoolClosed))
    }

    /// Notes how a statement on it went; a broken connection is dropped.
    pub(crate) fn note<T>(&mut self, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) => self.failures = 0,
            Err(error) if breaks_connection(error) => {
                self.connection = None;
                self.failures = self.failures.saturating_add(1);
            }
            Err(_) => self.failures = self.failures.saturating_add(1),
        }
    }

    /// How long to wait before the next try after a failure.
    pub(crate) fn retry_delay(&self) -> Duration {
        RECONNECT.delay(self.failures.saturating_sub(1).min(20))
    }

    pub(crate) async fn close(self) {
        if let Some(connection) = self.connection {
            // The server notices an abrupt end as well; a clean one only spares its log a line.
            let _ = connection.close().await;
        }
    }
}

/// Whether the connection may be unusable: all errors but those that the server reported while
/// going on, and among those the ones that say that it is going down or that plans are stale.
fn breaks_connection(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    match error.as_database_error().and_then(|e| e.code()) {
        Some(code) => code.starts_with("57P") || code.starts_with("08") || code == "0A000" || code == "25006",
        None => true,
    }
}

/// Whether trying again may help: the connection or the server is at fault, not the statement.
pub(crate) fn is_transient(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    match error.as_database_error().and_then(|e| e.code()) {
        // serialization and deadlock, resources, operator intervention, connection, not a primary
        Some(code) => ["40", "53", "57", "08"].iter().any(|class| code.starts_with(class)) || code == "25006",
        None => true,
    }
}
