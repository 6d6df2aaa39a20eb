//! A worker before it starts, and its start.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::counts::WorkerReport;
use super::handle::WorkerHandle;
use super::signals::Signals;
use super::start;
use crate::task::definition::TaskDef;
use crate::task::layer::AnyLayer;
use crate::task::registry::Registry;
use crate::task::state::State;
use crate::types::error::Error;
use crate::types::log_level::LogLevel;
use crate::types::server_name;
use crate::types::topic::Topic;

/// Consumes jobs: claims jobs of the tasks that are linked into this binary, within its topics.
///
/// ```no_run
/// use pgjobs::{Worker, task};
///
/// struct Mailer;
///
/// #[task]
/// async fn welcome(#[inject] mailer: &Mailer, user_id: i64) {}
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// Worker::new(pool).topic("mail.*").concurrency(16).state(Mailer).run().await?;
/// # Ok(()) }
/// ```
///
/// The worker opens four connections outside the pool and cannot work without three of them. It leaves the
/// pool to the tasks, which get it with `#[inject] pool: &PgPool`. Give the pool as many connections as there
/// are slots, times the number that one task uses at once. When the pool is closed, the worker ends.
///
/// Handlers run on the runtime on which the worker is started; that runtime must go on running. When it runs
/// nothing for a whole lease, the worker releases the jobs that have not begun and claims no more until the
/// runtime runs again. When the runtime is dropped, the worker releases the running jobs, and their runs do
/// not count as attempts.
///
/// Each connection must keep its session: behind a pooler that gives each transaction another session
/// (PgBouncer with `pool_mode = transaction`) the worker refuses to start. Session pooling is fine.
#[derive(Clone)]
pub struct Worker {
    /// Never empty.
    pub(super) servers: Vec<Server>,
    pub(super) topics: Vec<String>,
    pub(super) concurrency: usize,
    pub(super) state: State,
    pub(super) extra: Vec<&'static TaskDef>,
    pub(super) layers: Vec<Arc<dyn AnyLayer>>,
    pub(super) lease: Duration,
    pub(super) grace: Duration,
    pub(super) poll: Duration,
    pub(super) listen: bool,
    pub(super) burst: bool,
    pub(super) log: LogLevel,
    pub(super) log_lines: u32,
}

/// One of the servers of a worker.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) pool: PgPool,
    /// The hosts at which its primary may be found: that of the pool, as the pool was given, and the fallbacks.
    pub(super) hosts: Vec<PgConnectOptions>,
}

impl Server {
    pub(super) fn new(name: String, pool: PgPool) -> Self {
        let own = PgConnectOptions::clone(&pool.connect_options());
        Server { name, pool, hosts: vec![own] }
    }
}

impl Worker {
    /// A worker for every linked task; it runs 16 jobs at a time.
    pub fn new(pool: PgPool) -> Self {
        let mut state = State::default();
        state.insert(pool.clone());
        Worker {
            servers: vec![Server::new(server_name::MAIN.to_owned(), pool)],
            topics: Vec::new(),
            concurrency: 16,
            state,
            extra: Vec::new(),
            layers: Vec::new(),
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            listen: true,
            burst: false,
            log: LogLevel::Off,
            log_lines: 1000,
        }
    }

    /// The tasks that the worker would run, in order of name: linked or added, and within its topics.
    ///
    /// # Errors
    /// Those of [`start`](Worker::start) that can occur without a database.
    pub fn tasks(&self) -> Result<Vec<&'static TaskDef>, Error> {
        Ok(self.registry()?.tasks())
    }

    /// Starts the worker and returns at once, for embedding; handling signals is left to the caller.
    ///
    /// # Errors
    /// [`Error::NoTasks`], [`Error::DuplicateTask`], [`Error::MissingState`], [`Error::Topic`] and
    /// [`Error::Option`] for wrong options, a pool that is closed and a lease that is too short for the
    /// connection; [`Error::TransactionPooling`], [`Error::TooFewConnections`], [`Error::Unusable`],
    /// [`Error::SchemaMissing`] or [`Error::Database`] when the database cannot be used.
    pub async fn start(self) -> Result<WorkerHandle, Error> {
        start::start(self).await
    }

    /// Runs until SIGINT or SIGTERM (or, in a burst, until no job is due).
    ///
    /// On the first signal the worker stops claiming, lets running jobs finish within the grace period, and
    /// releases the rest, whose runs do not count as attempts. A second signal ends the process at once, with
    /// status 130. A worker that is still starting ends at the first.
    ///
    /// # Errors
    /// As [`start`](Worker::start). Once the worker runs, it does not fail for errors of the database but
    /// waits until they are over.
    pub async fn run(self) -> Result<WorkerReport, Error> {
        self.run_watched(|_| {}).await
    }

    /// The same; calls this when the worker has started.
    pub(crate) async fn run_watched(
        self,
        started: impl FnOnce(&WorkerHandle),
    ) -> Result<WorkerReport, Error> {
        let mut signals = Signals::listen();
        let handle = tokio::select! {
            handle = self.start() => handle?,
            () = signals.end_start() => return Ok(WorkerReport::default()),
        };
        started(&handle);
        let signals = tokio::spawn(signals.stop(handle.stopper()));
        let report = handle.wait().await;
        signals.abort();
        Ok(report)
    }

    /// Its tasks, by name.
    pub(super) fn registry(&self) -> Result<Registry, Error> {
        let topics = self.topics.iter().map(|topic| topic.parse()).collect::<Result<Vec<Topic>, _>>()?;
        let mut registry = Registry::linked()?;
        self.extra.iter().try_for_each(|def| registry.add(def))?;
        let registry = registry.scope(&topics)?;
        let missing = |def: &&'static TaskDef| def.lacks(&self.state).map(|state| (def.name, state));
        match registry.tasks().iter().find_map(missing) {
            Some((task, state)) => Err(Error::MissingState { task, state }),
            None => Ok(registry),
        }
    }

    /// Refuses options that cannot be meant; asks no database.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |name, reason: &str| Err(Error::Option { name, reason: reason.to_owned() });
        if self.servers.iter().any(|server| server.pool.is_closed()) {
            return refuse("pool", "it is closed already: start the worker while the pool is open");
        }
        self.check_servers()?;
        if !(1..=10_000).contains(&self.concurrency) {
            return refuse("concurrency", "lies within 1 and 10,000");
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&self.lease) {
            return refuse("lease", "lies within 1 s and 1 h");
        }
        if !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&self.poll) {
            return refuse("poll", "lies within 10 ms and 60 s");
        }
        self.check_log()
    }
}
