//! Notifications: the channels, and the connection of those who wait for results.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Acquire, ConnectOptions, Connection, Executor, PgConnection, PgPool};

use super::connection::within;
use super::pooler::Statements;
use crate::types::error::Error;

/// Jobs may be ready.
pub(crate) const READY: &str = "jobs_ready";
/// Jobs have ended.
const ENDED: &str = "jobs_ended";

/// A server that has not answered by then is not going to.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// The server gives up a little later than this side, for a side that is gone.
const DEADLINE: &str = "set statement_timeout = '15s'";

/// The one connection on which a process hears that jobs have ended, and looks them up.
pub(crate) enum ResultsConnection {
    Listening(PgListener, PgPool),
    /// Behind a pooler that pools by transaction nothing is heard.
    Polling(PgConnection),
}

impl ResultsConnection {
    /// Opens it, by the name of `pgjobs wait`.
    pub(crate) async fn open(options: PgConnectOptions, statements: Statements) -> Result<Self, Error> {
        let options = options.application_name("pgjobs wait").disable_statement_logging();
        within(ANSWER, async {
            if !statements.are_named() {
                return Ok(ResultsConnection::Polling(PgConnection::connect_with(&options).await?));
            }
            let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
            let pool = pool.acquire_timeout(ANSWER).connect_lazy_with(options);
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.execute(DEADLINE).await?;
            listener.listen(ENDED).await?;
            Ok(ResultsConnection::Listening(listener, pool))
        })
        .await
    }

    /// The connection, and how statements are prepared on it.
    pub(crate) async fn connection(&mut self) -> Result<(&mut PgConnection, Statements), Error> {
        match self {
            ResultsConnection::Listening(listener, _) => Ok((listener.acquire().await?, Statements::Named)),
            ResultsConnection::Polling(connection) => Ok((connection, Statements::Unnamed)),
        }
    }

    /// Asks those who end jobs to say so for this long.
    pub(crate) async fn await_results(&mut self, ahead: Duration) -> Result<(), Error> {
        let ResultsConnection::Listening(listener, _) = self else { return Ok(()) };
        let ask = sqlx::query("select jobs.await_results($1)").bind(ahead.as_secs_f64()).execute(listener);
        within(ANSWER, async { Ok(ask.await.map(drop)?) }).await
    }

    /// Returns when some job has ended. May be dropped while it waits: it takes whole messages from the connection
    /// or none.
    pub(crate) async fn notified(&mut self) -> Result<(), Error> {
        match self {
            ResultsConnection::Listening(listener, _) => match listener.try_recv().await? {
                Some(_) => Ok(()),
                None => {
                    Err(Error::Database(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()))
                }
            },
            ResultsConnection::Polling(_) => std::future::pending().await,
        }
    }

    /// Forgets what was said so far: the look that follows sees it.
    pub(crate) fn forget(&mut self) {
        if let ResultsConnection::Listening(listener, _) = self {
            while listener.next_buffered().is_some() {}
        }
    }

    /// Whether notifications come.
    pub(crate) fn listens(&self) -> bool {
        matches!(self, ResultsConnection::Listening(..))
    }

    pub(crate) async fn close(self) {
        // The server notices an abrupt end as well; a clean one only spares its log a line.
        let _ = within(Duration::from_secs(1), async {
            match self {
                ResultsConnection::Listening(listener, pool) => {
                    drop(listener);
                    pool.close().await;
                }
                ResultsConnection::Polling(connection) => connection.close().await?,
            }
            Ok(())
        })
        .await;
    }
}

/// Says again on [`READY`] that jobs may be ready: whoever was woken could not take them all.
pub(crate) async fn wake_others(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("select pg_notify($1, '')").bind(READY).execute(connection).await?;
    Ok(())
}
