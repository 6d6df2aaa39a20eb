//! Notifications: the channels, and the connections that wait for results and for events.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Acquire, ConnectOptions, Connection, Executor, PgConnection, PgPool};

use super::connection::within;
use super::pooler::Statements;
use crate::types::error::Error;

/// Jobs may be ready.
pub(crate) const READY: &str = "jobs_ready";
/// Commands wait for a worker. The payload is its id, or empty for all workers; or what [`check_hearing`]
/// sends.
pub(crate) const COMMAND: &str = "jobs_command";
/// Somebody listens for events: whoever writes some announces them ([`announce`](super::events::announce)).
pub(crate) const SUBSCRIBED: &str = "jobs_subscribed";

/// What a connection of this process waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Awaited {
    /// Jobs have ended.
    Results,
    /// There may be events.
    Events,
}

impl Awaited {
    fn channel(self) -> &'static str {
        match self {
            Awaited::Results => "jobs_ended",
            Awaited::Events => "jobs_event",
        }
    }

    /// The application name of the connection.
    fn name(self) -> &'static str {
        match self {
            Awaited::Results => "pgjobs wait",
            Awaited::Events => "pgjobs events",
        }
    }

    fn asking(self) -> &'static str {
        match self {
            Awaited::Results => "select jobs.await_results($1)",
            Awaited::Events => "select jobs.await_events($1)",
        }
    }
}

/// How long to wait for an answer of the server.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// The timeout of the server is a little longer than that of the client; it ends statements of a client that
/// is gone.
const DEADLINE: &str = "set statement_timeout = '15s'";

/// The one connection of a process for results, or for events: it listens for notifications, and queries.
pub(crate) enum NotifiedConnection {
    Listening(PgListener, PgPool, Awaited),
    /// Behind a pooler that pools by transaction, where notifications do not arrive.
    Polling(PgConnection),
}

impl NotifiedConnection {
    pub(crate) async fn open(
        options: PgConnectOptions,
        statements: Statements,
        awaited: Awaited,
    ) -> Result<Self, Error> {
        let options = options.application_name(awaited.name()).disable_statement_logging();
        within(ANSWER, async {
            if !statements.are_named() {
                return Ok(NotifiedConnection::Polling(PgConnection::connect_with(&options).await?));
            }
            let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
            let pool = pool.acquire_timeout(ANSWER).connect_lazy_with(options);
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.execute(DEADLINE).await?;
            listener.listen(awaited.channel()).await?;
            Ok(NotifiedConnection::Listening(listener, pool, awaited))
        })
        .await
    }

    /// The connection, and whether statements on it are prepared under a name.
    pub(crate) async fn connection(&mut self) -> Result<(&mut PgConnection, Statements), Error> {
        match self {
            NotifiedConnection::Listening(listener, ..) => Ok((listener.acquire().await?, Statements::Named)),
            NotifiedConnection::Polling(connection) => Ok((connection, Statements::Unnamed)),
        }
    }

    /// Asks those who can to send notifications for this long.
    pub(crate) async fn ask(&mut self, ahead: Duration) -> Result<(), Error> {
        let NotifiedConnection::Listening(listener, _, awaited) = self else { return Ok(()) };
        let ask = sqlx::query(awaited.asking()).bind(ahead.as_secs_f64()).execute(listener);
        within(ANSWER, async { Ok(ask.await.map(drop)?) }).await
    }

    /// Returns when there is a notification. Cancel-safe: it takes a whole message from the connection or nothing.
    pub(crate) async fn notified(&mut self) -> Result<(), Error> {
        match self {
            NotifiedConnection::Listening(listener, ..) => match listener.try_recv().await? {
                Some(_) => Ok(()),
                None => {
                    Err(Error::Database(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()))
                }
            },
            NotifiedConnection::Polling(_) => std::future::pending().await,
        }
    }

    /// Discards the notifications received so far: the query that follows covers them.
    pub(crate) fn forget(&mut self) {
        if let NotifiedConnection::Listening(listener, ..) = self {
            while listener.next_buffered().is_some() {}
        }
    }

    /// Whether the connection receives notifications.
    pub(crate) fn listens(&self) -> bool {
        matches!(self, NotifiedConnection::Listening(..))
    }

    pub(crate) async fn close(self) {
        // The server notices an abrupt end as well; a clean one only avoids a line in its log.
        let _ = within(Duration::from_secs(1), async {
            match self {
                NotifiedConnection::Listening(listener, pool, _) => {
                    drop(listener);
                    pool.close().await;
                }
                NotifiedConnection::Polling(connection) => connection.close().await?,
            }
            Ok(())
        })
        .await;
    }
}

/// Sends another NOTIFY on [`READY`]: the worker that was woken up could not claim all ready jobs.
pub(crate) async fn wake_others(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("select pg_notify($1, '')").bind(READY).execute(connection).await?;
    Ok(())
}

/// Sends a notification to this listener itself: if it arrives, others do too. A pooler may drop them.
pub(crate) async fn check_hearing(listener: &mut PgListener, payload: &str) -> Result<(), sqlx::Error> {
    let check = sqlx::query("select pg_notify($1, $2)").bind(COMMAND).bind(payload);
    listener.execute(check).await.map(drop)
}
