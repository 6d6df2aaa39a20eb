//! Detects connection poolers between this process and the server.
//!
//! A pooler that pools by session behaves like the server itself. One that pools by transaction gives each
//! transaction another session: notifications do not arrive, settings remain in sessions that other clients
//! use, and a statement that was prepared in one session is executed in another, where another program may
//! have used its name. A worker uses all three, so it refuses such a pooler before it sends anything else.
//! Publishing uses none of them: it sends unnamed statements in one transaction.

use std::time::{Duration, Instant};

use futures_util::future::{join, try_join};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection, Row};

use super::connection::within;
use super::hosts::Hosts;
use crate::types::error::Error;

/// Refuses a pooler that pools by transaction, within the deadline.
pub(crate) async fn refuse_transaction_pooling(hosts: &Hosts, deadline: Duration) -> Result<(), Error> {
    measure_sessions(hosts, deadline).await.map(drop).map_err(|(error, _)| error)
}

/// As [`refuse_transaction_pooling`], and returns the time of a round trip. An error comes with the number of
/// connections that were opened.
pub(crate) async fn measure_sessions(hosts: &Hosts, deadline: Duration) -> Result<Duration, (Error, usize)> {
    let (mut first, _) = hosts.connect(deadline).await.map_err(|error| (error, 0))?;
    let second = async { Ok(PgConnection::connect_with(&hosts.last_known()).await?) };
    let mut second = within(deadline, second).await.map_err(|error| (error, 1))?;
    let compare = async {
        let verdict = sessions_are_held(&mut first, &mut second).await;
        let _ = join(first.close(), second.close()).await; // not used again either way
        verdict
    };
    within(deadline, compare).await.map_err(|error| (error, 2))
}

/// How often both connections are queried at once. Among busy sessions a pooler may assign the same one by
/// chance, about once in ten times; a dozen answers rule that out, at the cost of a few round trips once per
/// start of a worker.
const ROUNDS: usize = 5;

/// Checks that two open connections have two sessions, and that each keeps its own. Returns the quickest
/// round trip.
///
/// An idle pooler assigns its sessions last-in-first-out or in turn. Queried one after the other, a
/// last-in-first-out pooler gives both connections the same session, and a pooler that assigns in turn gives
/// the second connection another session when it is queried again. Queried at once on an idle pooler, each
/// connection could get the same session every time and so pass, and likewise when queried one after the
/// other on a busy pooler; so this function does both.
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

/// Compares the sessions that the two connections had at first with those that they have now.
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

/// The id of the backend process. Sent in the simple protocol: no prepared statement can remain in the
/// session.
async fn session(connection: &mut PgConnection) -> Result<i32, Error> {
    let row = sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// Whether statements are prepared under a name, to be reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statements {
    Named,
    /// For `statement_cache_capacity(0)`, with which sqlx would still name its statements.
    Unnamed,
}

impl Statements {
    /// The setting of this pool.
    pub(crate) fn of(pool: &PgPool) -> Self {
        let options = PgConnectOptions::clone(&pool.connect_options());
        // Only the URL shows the capacity of the cache. Host and user do not matter, and some of them cannot
        // be part of a URL.
        let url = options.socket("/").username("anyone").password("").to_url_lossy();
        let off = url.query_pairs().any(|(key, value)| key == "statement-cache-capacity" && value == "0");
        if off { Statements::Unnamed } else { Statements::Named }
    }

    pub(crate) fn are_named(self) -> bool {
        self == Statements::Named
    }
}

/// Runs statements on a connection of the pool: unnamed ones in a transaction, which stays in one session
/// from beginning to end.
pub(crate) async fn on_pool<T>(
    pool: &PgPool,
    statements: impl AsyncFnOnce(&mut PgConnection, Statements) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut connection = pool.acquire().await?;
    // A connection that has cached a statement caches the next one too: no need to read the options.
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
