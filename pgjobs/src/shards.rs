//! Several servers as one place to publish to: each key has its server.

mod look;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sqlx::PgPool;
use tokio::time::timeout;

use crate::db;
use crate::db::connection::unconfirmed;
use crate::db::inspect::JobRow;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::rendezvous::owner;
use crate::types::server_name;
use look::Look;

/// How long a server may take to answer one question.
const ANSWERS: Duration = Duration::from_secs(5);

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

/// A [`Shards`] without servers yet.
#[derive(Debug, Clone, Copy)]
#[must_use = "it needs a server"]
pub struct NoShards(());

struct Shard {
    name: String,
    pool: PgPool,
    draining: AtomicBool,
}

/// One of several servers.
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

/// A job, and the server that it lies on.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found<'s> {
    /// The server.
    pub server: Server<'s>,
    /// The job, as [`inspect::job`](crate::inspect::job) returns it.
    pub job: JobRow,
}

impl NoShards {
    /// With this server.
    pub fn server(self, name: impl Into<String>, pool: PgPool) -> Shards {
        Shards { servers: Arc::new([]), look: Arc::default() }.server(name, pool)
    }
}

impl Shards {
    /// Begins with none.
    #[expect(clippy::new_ret_no_self, reason = "keys cannot be divided among no servers")]
    pub fn new() -> NoShards {
        NoShards(())
    }

    /// Adds a server. The names have to be those that all other programs use, the worker's
    /// ([`Worker::server`](crate::Worker::server)) among them: 1 to 63 characters of `a-z`, `0-9`, `_` and
    /// `-`, beginning with a letter. [`refresh`](Shards::refresh) refuses others, and a name that is there
    /// twice.
    #[must_use]
    pub fn server(self, name: impl Into<String>, pool: PgPool) -> Self {
        let known = self.servers.iter().map(|one| (one.name.clone(), one.pool.clone()));
        let all = known.chain([(name.into(), pool)]);
        let shard = |(name, pool)| Shard { name, pool, draining: AtomicBool::new(false) };
        Shards { servers: all.map(shard).collect(), look: Arc::default() }
    }

    /// The pool of the server that has this key.
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

    /// The pool of the server of this name.
    pub fn get(&self, name: &str) -> Option<&PgPool> {
        self.servers.iter().find(|one| one.name == name).map(|one| &one.pool)
    }

    /// All servers, in the order of their addition.
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

    /// Finds a job by its id: asks all servers, and returns when one has it.
    ///
    /// # Errors
    /// [`Error::UnknownJob`] when all were asked and none has it; [`Error::Servers`] with the servers that
    /// could not be asked when none of the others has it.
    pub async fn find(&self, id: &JobId) -> Result<Found<'_>, Error> {
        let mut answers: FuturesUnordered<_> =
            self.servers.iter().map(|one| async move { (one, one.get(id).await) }).collect();
        let mut troubles = Vec::new();
        while let Some((one, answer)) = answers.next().await {
            match answer {
                Ok(job) => return Ok(Found { server: one.server(), job }),
                Err(Error::UnknownJob(_)) => {}
                Err(error) => troubles.push((one.name.clone(), error)),
            }
        }
        if troubles.is_empty() { Err(Error::UnknownJob(id.clone())) } else { Err(Error::Servers(troubles)) }
    }

    /// Asks all servers now whether they are draining; for the start of a program, which then routes nothing
    /// to one that is. Those that cannot be asked stay what they were, and are warned of.
    ///
    /// # Errors
    /// [`Error::Option`] for a name that is none, or is there twice; [`Error::Servers`] when none can be asked.
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

    /// Asks all servers; returns those that could not be asked.
    async fn ask_all(&self) -> Vec<(String, Error)> {
        let mut answers: FuturesUnordered<_> =
            self.servers.iter().map(|one| async move { (one, one.ask().await) }).collect();
        let mut troubles = Vec::new();
        while let Some((one, answer)) = answers.next().await {
            match answer {
                Ok(draining) => one.draining.store(draining, Relaxed),
                Err(error) => troubles.push((one.name.clone(), error)),
            }
        }
        troubles
    }

    /// Asks all servers if it is time to; where there is no runtime, only `refresh` does.
    fn look_in_background(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.look.is_due() {
            return;
        }
        let shards = self.clone();
        runtime.spawn(async move {
            for (server, error) in shards.ask_all().await {
                tracing::debug!(server, %error, "it is unknown whether this server is draining");
            }
        });
    }
}

impl Shard {
    fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    fn server(&self) -> Server<'_> {
        Server { name: &self.name, pool: &self.pool, draining: self.is_draining() }
    }

    async fn get(&self, id: &JobId) -> Result<JobRow, Error> {
        let get = async { db::inspect::get(&mut *self.pool.acquire().await?, id).await };
        timeout(ANSWERS, get).await.unwrap_or_else(|_| Err(late()))
    }

    /// Whether it is draining.
    async fn ask(&self) -> Result<bool, Error> {
        let ask = async { db::server_state::draining(&mut *self.pool.acquire().await?).await };
        let draining = timeout(ANSWERS, ask).await.unwrap_or_else(|_| Err(late()))?;
        Ok(draining.is_some())
    }
}

fn late() -> Error {
    unconfirmed(format!("no answer within {ANSWERS:?}"))
}
