//! Options of a worker, set before it starts.

use std::sync::Arc;
use std::time::Duration;

use super::builder::Worker;
use super::hooks::{OnFailure, OnStart, OnSuccess};
use crate::task::definition::TaskDef;
use crate::task::job::Job;
use crate::task::layer::Layer;
use crate::types::task_error::TaskError;

impl Worker {
    /// Restricts the worker to the tasks under this topic; each further call adds a topic. See
    /// [`Topic`](crate::Topic).
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(pool).topic("mail.*").topic("shop.invoice").run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn topic(mut self, pattern: impl Into<String>) -> Self {
        self.topics.push(pattern.into());
        self
    }

    /// How many jobs run at once: 1 to 10,000, by default 16.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// // Tasks that wait for others need many slots; tasks that compute, as many as there are cores.
    /// pgjobs::Worker::new(pool).concurrency(200).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn concurrency(mut self, slots: usize) -> Self {
        self.concurrency = slots;
        self
    }

    /// Adds a value that the tasks can get with `#[inject]`, one for each type.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::{Worker, task};
    ///
    /// struct Mailer { from: String }
    ///
    /// #[task]
    /// async fn welcome(#[inject] mailer: &Mailer, user_id: i64) {}
    ///
    /// Worker::new(pool).state(Mailer { from: "shop@example.org".into() }).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.insert(value);
        self
    }

    /// Adds a task that was written by hand (see [`define`](crate::define)), or that the linker cannot
    /// collect.
    #[must_use]
    pub fn task(mut self, def: &'static TaskDef) -> Self {
        self.extra.push(def);
        self
    }

    /// Adds a layer around every run; the first one added is the outermost. See [`Layer`].
    ///
    /// A run without layers costs nothing more for them; each layer costs it one allocation and one timer.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::layers::{Layer, Next, RunResult};
    /// use pgjobs::{Job, Worker};
    ///
    /// struct Timed;
    ///
    /// impl Layer for Timed {
    ///     async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
    ///         let began = std::time::Instant::now();
    ///         let result = next.run().await;
    ///         println!("{} took {:?}", job.task(), began.elapsed());
    ///         result
    ///     }
    /// }
    ///
    /// Worker::new(pool).layer(Timed).run().await?;
    /// # Ok(()) }
    /// ```
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
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(pool)
    ///     .on_start(|job| println!("{} begins, run {}", job.task(), job.attempt()))
    ///     .run()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn on_start(self, hook: impl Fn(&Job) + Send + Sync + 'static) -> Self {
        self.layer(OnStart(hook))
    }

    /// Calls this after each successful run, with the time it took. A hook, as
    /// [`on_start`](Worker::on_start).
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(pool)
    ///     .on_success(|job, took| println!("{} took {took:?}", job.task()))
    ///     .run()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn on_success(self, hook: impl Fn(&Job, Duration) + Send + Sync + 'static) -> Self {
        self.layer(OnSuccess(hook))
    }

    /// Calls this after each failed run, whether the job will be retried or not. A panic, a timeout and
    /// arguments that do not fit are failures; a snooze is not, nor a run whose job was cancelled. A hook,
    /// as [`on_start`](Worker::on_start).
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(pool)
    ///     .on_failure(|job, error| if job.is_last_run() { eprintln!("{} is lost: {error}", job.id()) })
    ///     .run()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn on_failure(self, hook: impl Fn(&Job, &TaskError) + Send + Sync + 'static) -> Self {
        self.layer(OnFailure(hook))
    }

    /// How long after its last heartbeat the worker counts as dead and other workers run its jobs; by default
    /// 15 s, within 1 s and 1 h. The worker sends three heartbeats in that time, so the lease must be at
    /// least eight round trips to the database long.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// // A machine that dies is noticed after 5 s instead of 15, for three times as many heartbeats.
    /// pgjobs::Worker::new(pool).lease(std::time::Duration::from_secs(5)).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long running jobs may go on after the worker was asked to stop; by default 30 s. Then the worker
    /// stops and releases them, and their runs do not count as attempts.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// // Kubernetes kills after terminationGracePeriodSeconds (30): be done before.
    /// pgjobs::Worker::new(pool).grace(std::time::Duration::from_secs(25)).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The longest pause between two polls for jobs: 10 ms to 60 s, by default 1 s. Notifications make it
    /// shorter, nothing makes it longer.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(pool).poll(std::time::Duration::from_millis(200)).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval;
        self
    }

    /// Whether to listen for notifications. Without them the worker polls, and publishers are not asked to
    /// notify: for poolers that do not pass notifications on.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// pgjobs::Worker::new(pool).listen(false).run().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn listen(mut self, listen: bool) -> Self {
        self.listen = listen;
        self
    }

    /// Stops by itself once no job is due: for a crontab entry or a Kubernetes Job.
    ///
    /// Jobs that are scheduled for later, and failed jobs that wait for their backoff, are left; so are those
    /// that a limit holds back for more than ten seconds.
    ///
    /// ```no_run
    /// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let report = pgjobs::Worker::new(pool).burst().run().await?;
    /// println!("{} jobs done", report.succeeded);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn burst(mut self) -> Self {
        self.burst = true;
        self
    }
}
