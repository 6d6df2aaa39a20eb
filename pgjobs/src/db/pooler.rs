//! Poolers between us and the server.
//!
//! One that pools by session is as good as the server itself. One that pools by transaction gives
//! each transaction another session: notifications go to nobody, settings stay behind with
//! strangers, and a statement that was prepared in one session runs in another, where its name may
//! belong to another program's statement. A worker is all of that, so it refuses such a pooler before
//! it says anything else. Publishing gets by without: unnamed statements in one transaction.

use std::time::{Duration, Instant};

use futures_util::future::{join, try_join};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection, Row};

use super::connection::within;
use super::servers::Servers;
use crate::types::error::Error;

/// Refuses a pooler that pools by transaction, within the deadline.
pub(crate) async fn refuse_transaction_pooling(servers: &Servers, deadline: Duration) -> Result<(), Error> {
    measure_sessions(servers, deadline).await.map(drop).map_err(|(error, _)| error)
}

/// The same; says how long a round trip takes. An error comes with the number of connections that were opened.
pub(crate) async fn measure_sessions(
    servers: &Servers,
    deadline: Duration,
) -> Result<Duration, (Error, usize)> {
    let (mut first, _) = servers.connect(deadline).await.map_err(|error| (error, 0))?;
    let second = async { Ok(PgConnection::connect_with(&servers.last_known()).await?) };
    let mut second = within(deadline, second).await.map_err(|error| (error, 1))?;
    let compare = async {
        let verdict = sessions_are_held(&mut first, &mut second).await;
        let _ = join(first.close(), second.close()).await; // it has served its purpose either way
        verdict
    };
    within(deadline, compare).await.map_err(|error| (error, 2))
}

/// How often both are asked at once. Among busy sessions a pooler may give out the same one by chance, about once
/// in ten times: a dozen answers leave nothing to chance, and take a few round trips once in the life of a worker.
const ROUNDS: usize = 5;

/// Two connections that are both open hold two sessions, and each keeps its own. Returns the quickest round trip.
///
/// A quiet pooler gives out its sessions last-in-first-out or in turn. Asked one after the other, the one meets the
/// same session on both connections, and the other, asked again on the second, meets two on one. Asked at once on a
/// quiet pooler each could meet the same session every time, and one after the other on a busy one; so both are done.
async fn sessions_are_held(first: &mut PgConnection, second: &mut PgConnection) -> Result<Duration, Error> {
    let held = (session(first).await?, session(second).await?);
    still_held(held, (held.0, session(second).await?))?;
    let mut quickest = Duration::MAX;
    for round in 0..ROUNDS {
        let asked = Instant::now();
        let now = match round % 2 {
            0 => try_join(session(first), session(second)).await?,
            _ => try_join(session(second), session(first)).await.map(|(second, first)| (first, second))?,
        };
        quickest = quickest.min(asked.elapsed());
        still_held(held, now)?;
    }
    Ok(quickest)
}

/// The sessions that the two connections met at first, and those that they meet now.
fn still_held(held: (i32, i32), now: (i32, i32)) -> Result<(), Error> {
    if now.0 == now.1 {
        return Err(shared(format!("two open connections share session {} of the server", now.0)));
    }
    match [(held.0, now.0), (held.1, now.1)].into_iter().find(|(held, now)| held != now) {
        Some((held, now)) => {
            Err(shared(format!("one connection went from session {held} of the server to session {now}")))
        }
        None => Ok(()),
    }
}

fn shared(evidence: String) -> Error {
    Error::TransactionPooling { evidence }
}

/// Asked in the simple protocol: nothing is prepared that could stay behind.
async fn session(connection: &mut PgConnection) -> Result<i32, Error> {
    let row = sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// Whether statements are prepared under a name, to be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statements {
    Named,
    /// For `statement_cache_capacity(0)`, with which sqlx still names its statements.
    Unnamed,
}

impl Statements {
    /// As the owner of the pool wants it.
    pub(crate) fn of(pool: &PgPool) -> Self {
        let options = PgConnectOptions::clone(&pool.connect_options());
        // The URL is the only thing that tells the capacity; host and user are of no interest, and not
        // each of them makes one.
        let url = options.socket("/").username("anyone").password("").to_url_lossy();
        let off = url.query_pairs().any(|(key, value)| key == "statement-cache-capacity" && value == "0");
        if off { Statements::Unnamed } else { Statements::Named }
    }

    pub(crate) fn are_named(self) -> bool {
        self == Statements::Named
    }
}

/// Runs statements on a connection of the pool: unnamed ones in a transaction, which lies in one
/// session from its beginning to its end.
pub(crate) async fn on_pool<T>(
    pool: &PgPool,
    statements: impl AsyncFnOnce(&mut PgConnection, Statements) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut connection = pool.acquire().await?;
    // A connection that has kept a statement keeps the next: this spares the look at the options.
    let named = connection.cached_statements_size() > 0 || Statements::of(pool).are_named();
    if named {
        return statements(&mut connection, Statements::Named).await;
    }
    let mut transaction = connection.begin().await?;
    let outcome = statements(&mut transaction, Statements::Unnamed).await?;
    transaction.commit().await?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(options: PgConnectOptions) -> Statements {
        Statements::of(&PgPool::connect_lazy_with(options))
    }

    #[tokio::test]
    async fn the_capacity_of_the_cache_decides_whatever_the_host_is_called() {
        for host in ["db.example", "::1", "no url: at all"] {
            let options = PgConnectOptions::new_without_pgpass().host(host).username("a@b c").password("/#?");
            assert_eq!(statements(options.clone()), Statements::Named);
            assert_eq!(statements(options.statement_cache_capacity(0)), Statements::Unnamed);
        }
    }
}
