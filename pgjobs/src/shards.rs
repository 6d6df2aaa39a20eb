//! Several servers as one place to publish to: each key has its server.

mod found;
mod look;
mod shard;

use std::sync::Arc;

use sqlx::PgPool;

use crate::types::error::Error;
use crate::types::rendezvous::owner;
use crate::types::server_name;
use look::Look;
use shard::Shard;

pub use found::Found;

/// Several servers, among which keys are divided: what a program publishes with one key goes to one server.
///
/// ```no_run
/// use pgjobs::{Shards, sqlx::PgPool, task};
///
/// #[task]
/// async fn invoice(customer: i64) {}
///
/// # async fn f(eu: PgPool, us: PgPool) -> Result<(), pgjobs::Error> {
/// let shards = Shards::new().server("eu", eu).server("us", us);
/// shards.refresh().await?; // which of them are draining; later this is looked at by itself
///
/// let customer = 4711;
/// let job = invoice::publish(shards.of(&customer), customer).await?;
/// # let _ = job; Ok(()) }
/// ```
///
/// The key decides by rendezvous hashing of the servers' names, so every program that knows the same names
/// comes to the same answer, and a further server takes its share of the keys from all others and moves no
/// other key. What must meet (jobs that are unique, in order, limited by a key, a signal and the jobs that wait
/// for it) needs one key.
///
/// It routes pools and nothing else: a transaction is at the server where its data lies, and what is
/// published in it goes there. What is published already is never moved.
///
/// A [draining](crate::admin::set_draining) server gets no keys: those that were its own go to the others, as
/// long as there are others. `of` has it looked up at most every five seconds, in the background, which servers
/// are draining, and answers by what is known; a program that was idle learns it by its first call, for the
/// next ones. A server that does not answer stays what it was. A server that is down keeps its keys:
/// publishing them fails until it is back, so that they do not change servers for a moment.
///
/// Cloning it is cheap, and all clones know the same.
#[derive(Clone)]
pub struct Shards {
    servers: Arc<[Shard]>,
    look: Arc<Look>,
}

/// A [`Shards`] without servers yet, which has no place for a key: the first server makes it one.
///
/// ```no_run
/// # fn f(mut servers: std::vec::IntoIter<(String, sqlx::PgPool)>) -> Option<pgjobs::Shards> {
/// use pgjobs::Shards;
///
/// let (name, pool) = servers.next()?; // of a configuration; `None`: it has none
/// let first = Shards::new().server(name, pool);
/// let shards = servers.fold(first, |shards, (name, pool)| shards.server(name, pool));
/// # Some(shards) }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "it needs a server"]
pub struct NoShards(());

/// One of several servers, as [`Shards::server_of`], [`Shards::servers`] and [`Shards::split`] give it.
///
/// ```no_run
/// # async fn f(shards: pgjobs::Shards) -> Result<(), pgjobs::Error> {
/// let server = shards.server_of("acme");
/// println!("acme lies on {}, draining: {}", server.name, server.draining);
/// pgjobs::signal(server.pool, "paid/acme", &true).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Server<'s> {
    /// Its name.
    pub name: &'s str,
    /// Its pool.
    pub pool: &'s PgPool,
    /// Whether it was draining when it was asked last.
    pub draining: bool,
}

impl NoShards {
    /// With this server, under the name that all other programs use for it ([`Shards::server`]).
    ///
    /// ```no_run
    /// # fn f(eu: pgjobs::sqlx::PgPool) {
    /// let shards = pgjobs::Shards::new().server("eu", eu); // one is enough; others may follow some day
    /// assert_eq!(shards.server_of(&4711).name, "eu");
    /// # }
    /// ```
    pub fn server(self, name: impl Into<String>, pool: PgPool) -> Shards {
        Shards { servers: Arc::new([]), look: Arc::default() }.server(name, pool)
    }
}

impl Shards {
    /// Begins with none.
    ///
    /// ```no_run
    /// # fn f(eu: pgjobs::sqlx::PgPool, us: pgjobs::sqlx::PgPool) {
    /// let shards = pgjobs::Shards::new().server("eu", eu).server("us", us);
    /// assert_eq!(shards.servers().count(), 2);
    /// # }
    /// ```
    #[expect(clippy::new_ret_no_self, reason = "keys cannot be divided among no servers")]
    pub fn new() -> NoShards {
        NoShards(())
    }

    /// Adds a server. The names have to be those that all other programs use, the worker's
    /// ([`Worker::server`](crate::Worker::server)) among them: 1 to 63 characters of `a-z`, `0-9`, `_` and
    /// `-`, beginning with a letter. [`refresh`](Shards::refresh) refuses others, and a name that is there
    /// twice.
    ///
    /// ```no_run
    /// # fn f(eu: pgjobs::sqlx::PgPool, us: pgjobs::sqlx::PgPool) {
    /// let shards = pgjobs::Shards::new().server("eu", eu).server("us", us);
    /// let names: Vec<&str> = shards.servers().map(|server| server.name).collect();
    /// assert_eq!(names, ["eu", "us"]);
    /// # }
    /// ```
    #[must_use]
    pub fn server(self, name: impl Into<String>, pool: PgPool) -> Self {
        let known = self.servers.iter().map(|one| (one.name.clone(), one.pool.clone()));
        let all = known.chain([(name.into(), pool)]);
        let shards = all.map(|(name, pool)| Shard::new(name, pool));
        Shards { servers: shards.collect(), look: Arc::default() }
    }

    /// The pool of the server that has this key: to publish to, and to do with it whatever takes a pool.
    ///
    /// ```no_run
    /// use pgjobs::{Shards, task};
    ///
    /// #[task]
    /// async fn invoice(customer: i64) {}
    ///
    /// # async fn f(shards: Shards) -> Result<(), pgjobs::Error> {
    /// let pool = shards.of(&4711);
    /// invoice::publish(pool, 4711).await?.wait(pool).await?;
    /// # Ok(()) }
    /// ```
    pub fn of<K: ToString + ?Sized>(&self, key: &K) -> &PgPool {
        self.server_of(key).pool
    }

    /// The server that has this key.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), pgjobs::sqlx::Error> {
    /// use pgjobs::{Shards, sqlx::PgPool};
    ///
    /// let pool = |name: &str| PgPool::connect_lazy(&format!("postgresql://{name}.example/shop"));
    /// let shards = Shards::new().server("eu", pool("eu")?).server("us", pool("us")?);
    /// assert_eq!(shards.server_of(&4711).name, shards.server_of("4711").name);
    /// # Ok(()) }
    /// ```
    pub fn server_of<K: ToString + ?Sized>(&self, key: &K) -> Server<'_> {
        self.look_in_background();
        self.owner(&key.to_string()).server()
    }

    /// Of the servers that are not draining, or of all where all are.
    fn owner(&self, key: &str) -> &Shard {
        let all = || self.servers.iter();
        let first = &self.servers[owner(all().map(|one| &*one.name), key).unwrap_or_default()];
        if !first.is_draining() {
            return first; // the others, draining or not, want the key less
        }
        let open = || all().filter(|one| !one.is_draining());
        let at = owner(open().map(|one| &*one.name), key);
        at.and_then(|at| open().nth(at)).unwrap_or(first)
    }

    /// The pool of the server of this name; `None` where there is none.
    ///
    /// ```no_run
    /// # async fn f(shards: pgjobs::Shards) -> Result<(), pgjobs::Error> {
    /// if let Some(us) = shards.get("us") {
    ///     pgjobs::admin::set_draining(us, true, Some("its machine goes in May")).await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn get(&self, name: &str) -> Option<&PgPool> {
        self.servers.iter().find(|one| one.name == name).map(|one| &one.pool)
    }

    /// All servers, in the order of their addition: for what is done on each.
    ///
    /// ```no_run
    /// # async fn f(shards: pgjobs::Shards) -> Result<(), pgjobs::Error> {
    /// for server in shards.servers() {
    ///     println!("{}: {} problems", server.name, pgjobs::inspect::problems(server.pool).await?.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn servers(&self) -> impl Iterator<Item = Server<'_>> {
        self.servers.iter().map(Shard::server)
    }

    /// Divides what is to be published together among the servers, by the key of each; in the order of the
    /// servers, those without any left out.
    ///
    /// ```no_run
    /// # use pgjobs::{Shards, publish_all, task};
    /// # #[task]
    /// # async fn invoice(customer: i64) {}
    /// # async fn f(shards: Shards, customers: Vec<i64>) -> Result<(), pgjobs::Error> {
    /// for (server, customers) in shards.split(customers, |customer| *customer) {
    ///     publish_all(server.pool, customers.into_iter().map(invoice::new)).await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn split<T, K: ToString>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> K,
    ) -> Vec<(Server<'_>, Vec<T>)> {
        let mut parts: Vec<_> = self.servers().map(|server| (server, Vec::new())).collect();
        for item in items {
            let name = self.server_of(&key(&item)).name;
            if let Some((_, part)) = parts.iter_mut().find(|(server, _)| server.name == name) {
                part.push(item);
            }
        }
        parts.retain(|(_, part)| !part.is_empty());
        parts
    }

    /// Asks all servers now whether they are draining; for the start of a program, which then routes nothing
    /// to one that is. Those that cannot be asked, or give no answer within five seconds, stay what they
    /// were, and are warned of.
    ///
    /// ```no_run
    /// # async fn f(eu: sqlx::PgPool, us: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let shards = pgjobs::Shards::new().server("eu", eu).server("us", us);
    /// shards.refresh().await?;
    /// let open = shards.servers().filter(|server| !server.draining).count();
    /// println!("keys go to {open} servers");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Option`] for a name that is none, or is there twice; [`Error::Servers`] when none can be
    /// asked.
    pub async fn refresh(&self) -> Result<(), Error> {
        server_name::check_all(self.servers.iter().map(|one| &*one.name))?;
        self.look.begins();
        let troubles = self.ask_all().await;
        if troubles.len() == self.servers.len() {
            return Err(Error::Servers(troubles));
        }
        for (server, error) in troubles {
            tracing::warn!(server, %error, "it is unknown whether this server is draining; it keeps its keys");
        }
        Ok(())
    }
}
