//! Options of a worker, set before it starts.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::counts::WorkerReport;
use super::handle::WorkerHandle;
use super::hooks::{OnFailure, OnStart, OnSuccess};
use super::shutdown::Signals;
use super::supervisor;
use crate::task::definition::TaskDef;
use crate::task::job::Job;
use crate::task::layer::{AnyLayer, Layer};
use crate::task::registry::Registry;
use crate::task::state::State;
use crate::types::error::Error;
use crate::types::log_level::LogLevel;
use crate::types::task_error::TaskError;
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
    pub(super) pool: PgPool,
    pub(super) fallbacks: Vec<PgConnectOptions>,
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

impl Worker {
    /// A worker for every linked task; it runs 16 jobs at a time.
    pub fn new(pool: PgPool) -> Self {
        let mut state = State::default();
        state.insert(pool.clone());
        Worker {
            pool,
            fallbacks: Vec::new(),
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

    /// Adds a server that may become the primary; each further call adds another one.
    ///
    /// With fallbacks, the worker uses only a server that is not a standby, and tries all servers whenever a
    /// connection breaks. Its pool follows: connections that the pool opens from then on, for tasks and
    /// publishers alike, go to the server that was found to be the primary.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = sqlx::PgPool::connect("postgresql://app@db1/shop").await?;
    /// pgjobs::Worker::new(pool).fallback("postgresql://app@db2/shop".parse()?).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn fallback(mut self, server: PgConnectOptions) -> Self {
        self.fallbacks.push(server);
        self
    }

    /// Restricts the worker to the tasks under this topic; each further call adds a topic. See [`Topic`].
    #[must_use]
    pub fn topic(mut self, pattern: impl Into<String>) -> Self {
        self.topics.push(pattern.into());
        self
    }

    /// How many jobs run at once: 1 to 10,000, by default 16.
    #[must_use]
    pub fn concurrency(mut self, slots: usize) -> Self {
        self.concurrency = slots;
        self
    }

    /// Adds a value that the tasks can get with `#[inject]`, one for each type.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.insert(value);
        self
    }

    /// Adds a task that was written by hand (see [`define`](crate::define)), or that the linker cannot collect.
    #[must_use]
    pub fn task(mut self, def: &'static TaskDef) -> Self {
        self.extra.push(def);
        self
    }

    /// Adds a layer around every run; the first one added is the outermost. See [`Layer`].
    ///
    /// A run without layers costs nothing more for them; each layer costs it one allocation and one timer.
    #[must_use]
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers.push(Arc::new(layer));
        self
    }

    /// Adds a layer around all that there are.
    #[cfg(feature = "testing")]
    pub(crate) fn outermost(mut self, layer: impl Layer) -> Self {
        self.layers.insert(0, Arc::new(layer));
        self
    }

    /// Calls this before each run.
    ///
    /// A hook is a layer that only listens: it hears of what the layers and the task after it do, and several
    /// may be added. A hook that panics is logged, and changes nothing in the run.
    #[must_use]
    pub fn on_start(self, hook: impl Fn(&Job) + Send + Sync + 'static) -> Self {
        self.layer(OnStart(hook))
    }

    /// Calls this after each successful run, with the time it took. A hook, as [`on_start`](Worker::on_start).
    #[must_use]
    pub fn on_success(self, hook: impl Fn(&Job, Duration) + Send + Sync + 'static) -> Self {
        self.layer(OnSuccess(hook))
    }

    /// Calls this after each failed run, whether the job will be retried or not. A panic, a timeout and
    /// arguments that do not fit are failures; a snooze is not, nor a run whose job was cancelled. A hook,
    /// as [`on_start`](Worker::on_start).
    #[must_use]
    pub fn on_failure(self, hook: impl Fn(&Job, &TaskError) + Send + Sync + 'static) -> Self {
        self.layer(OnFailure(hook))
    }

    /// How long after its last heartbeat the worker counts as dead and other workers run its jobs; by default
    /// 15 s, within 1 s and 1 h. The worker sends three heartbeats in that time, so the lease must be at
    /// least eight round trips to the database long.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long running jobs may go on after the worker was asked to stop; by default 30 s. Then the worker
    /// stops and releases them, and their runs do not count as attempts.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The longest pause between two polls for jobs: 10 ms to 60 s, by default 1 s. Notifications make it
    /// shorter, nothing makes it longer.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval;
        self
    }

    /// Whether to listen for notifications. Without them the worker polls, and publishers are not asked to
    /// notify: for poolers that do not pass notifications on.
    #[must_use]
    pub fn listen(mut self, listen: bool) -> Self {
        self.listen = listen;
        self
    }

    /// Stops by itself once no job is due: for a crontab entry or a Kubernetes Job.
    ///
    /// Jobs that are scheduled for later, and failed jobs that wait for their backoff, are left; so are those that a
    /// limit holds back for more than ten seconds.
    #[must_use]
    pub fn burst(mut self) -> Self {
        self.burst = true;
        self
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
        supervisor::start(self).await
    }

    /// Runs until SIGINT or SIGTERM (or, in a burst, until no job is due).
    ///
    /// On the first signal the worker stops claiming, lets running jobs finish within the grace period, and
    /// releases the rest, whose runs do not count as attempts. A second signal ends the process at once, with
    /// status 130.
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
        let signals = Signals::listen();
        let handle = self.start().await?;
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

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |name, reason: &str| Err(Error::Option { name, reason: reason.to_owned() });
        if self.pool.is_closed() {
            return refuse("pool", "it is closed already: start the worker while the pool is open");
        }
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
