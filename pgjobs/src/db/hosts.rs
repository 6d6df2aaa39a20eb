//! Finds the primary of a server: at one host, or at one of several.
//!
//! A standby accepts connections and answers queries, so an open connection proves nothing: of several
//! hosts, only one that is not in recovery is used. They are tried in turn, beginning with the last known
//! primary, each for the full time that a connection may take: divided among them, that time would be too
//! short for each distant host. The result applies to all connections of the worker, and to the pool of its
//! tasks, whose connect options are updated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection, Row};

use super::address::{database_key, without_brackets};
use super::connection::within;
use crate::types::error::Error;

#[derive(Clone)]
pub(crate) struct Hosts {
    /// Never empty.
    all: Arc<[PgConnectOptions]>,
    primary: Arc<AtomicUsize>,
    /// The time of a round trip in microseconds; 0 before it is measured.
    round_trip: Arc<AtomicU64>,
    /// Its connect options follow the primary.
    pool: PgPool,
    part: &'static str,
}

impl Hosts {
    /// The host of the pool, and others at which the primary may be found.
    pub(crate) fn new(pool: PgPool, others: &[PgConnectOptions]) -> Self {
        let own = PgConnectOptions::clone(&pool.connect_options());
        Hosts::among(pool, std::iter::once(own).chain(others.iter().cloned()))
    }

    /// These hosts, of which there is at least one. A pool that has followed a primary before leads to one of
    /// them, whichever.
    pub(crate) fn among(pool: PgPool, hosts: impl IntoIterator<Item = PgConnectOptions>) -> Self {
        let all: Arc<[_]> = hosts.into_iter().map(without_brackets).collect();
        let current = database_key(&without_brackets(PgConnectOptions::clone(&pool.connect_options())));
        let primary = all.iter().position(|host| database_key(host) == current).unwrap_or_default();
        Hosts { all, primary: Arc::new(primary.into()), round_trip: Arc::default(), pool, part: "" }
    }

    /// The same hosts, for connections of one part of the worker; the server shows them under its name.
    pub(crate) fn named(&self, part: &'static str) -> Self {
        Hosts { part, ..self.clone() }
    }

    /// A connection to the primary, and the index of its host; the deadline applies to each host.
    pub(crate) async fn connect(&self, deadline: Duration) -> Result<(PgConnection, usize), Error> {
        if self.all.len() == 1 {
            let options = self.options(0);
            return within(deadline, async { Ok((PgConnection::connect_with(&options).await?, 0)) }).await;
        }
        let begin = self.primary();
        let mut refusals = Vec::new();
        for at in (0..self.all.len()).map(|step| (begin + step) % self.all.len()) {
            match within(deadline, try_primary(&self.options(at))).await {
                Ok(connection) => {
                    self.found(begin, at);
                    return Ok((connection, at));
                }
                Err(error) => refusals.push(format!("{}: {error}", self.place(at))),
            }
        }
        Err(unavailable(format!("no primary among {} servers ({})", self.all.len(), refusals.join("; "))))
    }

    /// Whether there are several.
    pub(crate) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Sets the measured round trip for all connections of the worker.
    pub(crate) fn measured(&self, round_trip: Duration) {
        self.round_trip.store(u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// How long to wait for a server to open a connection.
    pub(crate) fn patience(&self) -> Duration {
        patience(Duration::from_micros(self.round_trip.load(Relaxed)))
    }

    /// The index of the last known primary.
    pub(crate) fn primary(&self) -> usize {
        self.primary.load(Relaxed)
    }

    /// The connect options of the last known primary.
    pub(crate) fn last_known(&self) -> PgConnectOptions {
        self.options(self.primary())
    }

    fn options(&self, at: usize) -> PgConnectOptions {
        let name = name(self.all[at].get_application_name(), self.part);
        self.all[at].clone().application_name(&name).disable_statement_logging()
    }

    fn found(&self, before: usize, at: usize) {
        if self.primary.swap(at, Relaxed) != at {
            tracing::warn!(from = %self.place(before), to = %self.place(at), "the primary is another server now");
            self.pool.set_connect_options(self.all[at].clone());
        }
    }

    /// The pool of the tasks.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The name and the address of the database, for people.
    pub(crate) fn describe(&self) -> String {
        let at = self.primary();
        let database = self.all[at].get_database().unwrap_or_else(|| self.all[at].get_username());
        format!("{database} at {}", self.place(at))
    }

    /// The address of a server, for people, without any secret.
    fn place(&self, at: usize) -> String {
        let options = &self.all[at];
        let host = || format!("{}:{}", options.get_host(), options.get_port());
        options.get_socket().map_or_else(host, |socket| socket.display().to_string())
    }
}

/// The time to open a connection to a nearby server on a busy machine.
const CONNECT: Duration = Duration::from_secs(5);
/// With TLS and a password, opening a connection takes seven round trips, and some more on a network with
/// delays.
const ROUND_TRIPS: u32 = 12;

fn patience(round_trip: Duration) -> Duration {
    CONNECT.max(round_trip.saturating_mul(ROUND_TRIPS))
}

/// The longest application name that the server keeps, in bytes.
const LONGEST_NAME: usize = 63;

/// The application name of a connection: the name of the user's program, and the part of the worker.
fn name(of_user: Option<&str>, part: &str) -> String {
    let suffix = if part.is_empty() { "pgjobs".to_owned() } else { format!("pgjobs {part}") };
    let Some(of_user) = of_user.filter(|name| !name.is_empty()) else { return suffix };
    let room = LONGEST_NAME.saturating_sub(suffix.len() + 1);
    format!("{} {suffix}", &of_user[..of_user.floor_char_boundary(room)])
}

async fn try_primary(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    let row = sqlx::raw_sql("select pg_is_in_recovery()").fetch_one(&mut connection).await?;
    if row.try_get(0)? { Err(unavailable("it is a standby".to_owned())) } else { Ok(connection) }
}

/// An error that is retried, as when a single server is down.
fn unavailable(reason: String) -> Error {
    Error::Database(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_the_time_that_it_takes_from_far_away() {
        let of_millis = |millis| patience(Duration::from_millis(millis));
        assert_eq!([0, 400, 1800].map(of_millis), [5000, 5000, 21_600].map(Duration::from_millis));
    }

    #[tokio::test]
    async fn all_connections_learn_how_far_away_the_database_is() {
        let pool = PgPool::connect_lazy_with(PgConnectOptions::new_without_pgpass());
        let others = vec![PgConnectOptions::new_without_pgpass(); 9];
        let hosts = Hosts::new(pool, &others);
        let earlier = hosts.named("heartbeat");
        hosts.measured(Duration::from_secs(1));
        assert_eq!(earlier.patience(), Duration::from_secs(12));
    }

    #[test]
    fn a_connection_has_the_name_of_the_users_program_and_of_the_part() {
        assert_eq!(name(None, "claim"), "pgjobs claim");
        assert_eq!(name(Some("billing"), "claim"), "billing pgjobs claim");
        let long = name(Some(&"ä".repeat(40)), "listen");
        assert!(long.len() <= LONGEST_NAME && long.ends_with("ä pgjobs listen"), "{long}");
    }
}
