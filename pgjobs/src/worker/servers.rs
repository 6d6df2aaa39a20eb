//! The servers of a worker, set before it starts.

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::builder::{Server, Worker};
use crate::db::address::database_key;
use crate::types::error::Error;
use crate::types::server_name;

impl Worker {
    /// Adds a server: a database of its own with schema `jobs`, which the worker serves as well. Each further
    /// call adds another one.
    ///
    /// All servers share the slots, and each has a fair part of them while it has jobs; what one does not
    /// use, the others have. A task gets the pool of the server that its job lies on, and everything that its
    /// run says, records and publishes with its success goes there. A server that is down is its own trouble:
    /// the others go on, and it is tried until it is back. The names are those of [`Shards`](crate::Shards),
    /// in which a program publishes: 1 to 63 characters of `a-z`, `0-9`, `_` and `-`, beginning with a
    /// letter.
    ///
    /// The worker opens four connections at each server. A command to it (`pgjobs control`) that pauses,
    /// resumes or pings is about the server to which it was given; one that sets the slots, drains or stops
    /// is about the worker.
    ///
    /// ```no_run
    /// # async fn f(main: pgjobs::sqlx::PgPool, eu: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(main).server("eu", eu).concurrency(64).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn server(mut self, name: impl Into<String>, pool: PgPool) -> Self {
        self.servers.push(Server::new(name.into(), pool));
        self
    }

    /// Names the server of [`Worker::new`], which is `main` otherwise.
    ///
    /// ```no_run
    /// # async fn f(us: pgjobs::sqlx::PgPool, eu: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(us).server_name("us").server("eu", eu).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.servers[0].name = name.into();
        self
    }

    /// Adds a host that may become the primary of the server that was added last; each further call adds
    /// another one.
    ///
    /// With fallbacks, the worker uses only a host that is not a standby, and tries all of them whenever a
    /// connection breaks. Its pool follows: connections that the pool opens from then on, for tasks and
    /// publishers alike, go to the host that was found to be the primary.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = sqlx::PgPool::connect("postgresql://app@db1/shop").await?;
    /// pgjobs::Worker::new(pool).fallback("postgresql://app@db2/shop".parse()?).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn fallback(mut self, host: PgConnectOptions) -> Self {
        if let Some(server) = self.servers.last_mut() {
            server.hosts.push(host);
        }
        self
    }

    /// Refuses names that are none, and two servers that are one database: its jobs would be looked for
    /// twice.
    pub(super) fn check_servers(&self) -> Result<(), Error> {
        server_name::check_all(self.servers.iter().map(|server| &*server.name))?;
        for (at, server) in self.servers.iter().enumerate() {
            let key = database_key(&server.hosts[0]);
            let is_same = |other: &&Server| database_key(&other.hosts[0]) == key;
            if let Some(other) = self.servers[..at].iter().find(is_same) {
                return Err(server_name::same_database(&other.name, &server.name));
            }
        }
        Ok(())
    }
}
