//! Keeps the pool of a program that publishes on the primary, as a worker keeps its own.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{PgPool, Row};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::db::connection::within;
use crate::db::hosts::Hosts;
use crate::types::error::Error;

/// The time between two looks at the primary, and between two searches for one.
const PAUSE: Duration = Duration::from_secs(1);
/// A primary that has not answered for so long is searched for anew.
const ANSWER: Duration = Duration::from_secs(5);

/// Keeps a pool on the primary until it is dropped; [`follow_primary`] makes it.
#[must_use = "the pool is not followed any more when this is dropped"]
#[derive(Debug)]
pub struct FollowPrimary(JoinHandle<()>);

impl Drop for FollowPrimary {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has a pool follow the primary of its database: the server of the pool, or one of `others`, whichever is
/// not in recovery. For a program that only publishes; a [`Worker`](crate::Worker) does it by itself with the
/// pool that it is given, see [`Worker::fallback`](crate::Worker::fallback).
///
/// It holds one connection beside the pool and asks it once a second. When the connection breaks, does not
/// answer for five seconds or leads to a server that became a standby, the servers are tried in turn, a
/// second apart, and the pool's connect options are set to the one that is the primary; connections of the
/// pool that broke are then replaced there. Meanwhile a publish fails, or waits for a connection as long as
/// the pool's `acquire_timeout` says: set it to what your callers can wait. One line of the log says that the
/// primary is gone, and one that it is back.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use pgjobs::sqlx::postgres::{PgConnectOptions, PgPool};
///
/// let server = |host: &str| PgConnectOptions::new().host(host).database("shop");
/// let pool = PgPool::connect_lazy_with(server("db1"));
/// let _follow = pgjobs::follow_primary(&pool, [server("db2"), server("db3")]);
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside of a tokio runtime.
pub fn follow_primary(pool: &PgPool, others: impl IntoIterator<Item = PgConnectOptions>) -> FollowPrimary {
    let others: Vec<PgConnectOptions> = others.into_iter().collect();
    FollowPrimary(tokio::spawn(follow(Hosts::new(pool.clone(), &others).named("follow"))))
}

async fn follow(hosts: Hosts) {
    let mut is_away = false;
    loop {
        match find(&hosts).await {
            Ok(mut connection) => {
                if std::mem::replace(&mut is_away, false) {
                    tracing::info!(database = %hosts.describe(), "the primary is back");
                }
                let lost = watch(&mut connection, &hosts).await;
                tracing::debug!(error = %lost, "the connection to the primary ended");
            }
            Err(error) if !std::mem::replace(&mut is_away, true) => {
                tracing::warn!(%error, database = %hosts.describe(), "there is no primary: it is searched for each second");
            }
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// A connection to the primary. A pool without others may lead to a server that is none.
async fn find(hosts: &Hosts) -> Result<PgConnection, Error> {
    let (mut connection, _) = hosts.connect(hosts.patience()).await?;
    ask(&mut connection, hosts).await?;
    Ok(connection)
}

/// Returns when the server does not answer as a primary any more.
async fn watch(connection: &mut PgConnection, hosts: &Hosts) -> Error {
    loop {
        sleep(PAUSE).await;
        if let Err(lost) = ask(connection, hosts).await {
            return lost;
        }
    }
}

/// Whether the server is the primary; how long it takes to say so shows how far away it is.
async fn ask(connection: &mut PgConnection, hosts: &Hosts) -> Result<(), Error> {
    let (asked_at, patience) = (Instant::now(), ANSWER.max(hosts.patience()));
    let asked = sqlx::raw_sql("select pg_is_in_recovery()").fetch_one(connection);
    let is_standby = within(patience, async { Ok(asked.await?.try_get(0)?) }).await?;
    hosts.measured(asked_at.elapsed());
    if is_standby { Err(sqlx::Error::Protocol("it is a standby".to_owned()).into()) } else { Ok(()) }
}
