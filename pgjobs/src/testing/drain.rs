//! A worker that runs what is ready.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::clock::Clock;
use super::error::TestError;
use super::fault::Injection;
use super::inner::Inner;
use super::report::{Failures, Report};
use crate::db::testing;
use crate::task::definition::TaskDef;
use crate::task::job::Job;
use crate::task::layer::{Layer, Next};
use crate::types::error::Error;
use crate::types::task_error::{RunResult, TaskError};
use crate::worker::{End, Worker, WorkerReport};

/// The most runs of a drain, unless it says otherwise.
const RUNS: u64 = 10_000;
/// The most times that it moves the clock: each costs a worker, which takes as long as a hundred runs.
const JUMPS: u64 = 300;

/// A [`Worker`] for a test's database; without pauses, since nobody else needs the server.
pub(super) fn worker(db: &Inner) -> Worker {
    Worker::new(db.pool.clone()).burst().poll(Duration::from_millis(10)).listen(false)
}

/// A [`Worker`] that runs every job that is ready, and those that they publish, until none is left; made by
/// [`Database::drain`](super::Database::drain) and started by `.await`.
///
/// It is a worker like any other, with claims, leases and settlements, so what it does is what happens in
/// production. Jobs that are scheduled for later, and those that wait for their backoff, stay where they are.
/// A workflow goes on to its end, or to a node that is scheduled for later.
///
/// ```no_run
/// # use pgjobs::{task, testing::Database};
/// # struct Mailer;
/// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
/// let report = db.drain().topic("shop.mail.*").state(Mailer).await?;
/// assert_eq!((report.succeeded, report.failed), (2, 0), "{report:?}");
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of [`Worker::start`]; [`TestError::Endless`] after 10,000 runs or 300 jumps of the clock. A run that
/// fails is no error of the drain: the [`Report`] has it, and so has the output of a test that fails.
#[must_use = "nothing runs before `.await`"]
pub struct Drain<'a> {
    db: &'a Inner,
    worker: Worker,
    limit: Option<u64>,
    scheduled: bool,
}

impl<'a> Drain<'a> {
    pub(super) fn new(db: &'a Inner) -> Self {
        Drain { db, worker: worker(db), limit: None, scheduled: false }
    }

    /// Adds a value that the tasks get with `#[inject]`, as [`Worker::state`].
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.worker(|worker| worker.state(value))
    }

    /// Restricts it to the tasks under this topic, as [`Worker::topic`]: other tasks may then need states
    /// that it does not have.
    pub fn topic(self, pattern: impl Into<String>) -> Self {
        self.worker(|worker| worker.topic(pattern))
    }

    /// How many jobs run at the same time, as [`Worker::concurrency`]; 1 runs them one after another, by
    /// priority and in the order of their publishing.
    pub fn concurrency(self, slots: usize) -> Self {
        self.worker(|worker| worker.concurrency(slots))
    }

    /// Adds a layer around every run, as [`Worker::layer`].
    pub fn layer(self, layer: impl Layer) -> Self {
        self.worker(|worker| worker.layer(layer))
    }

    /// Sets anything else of the worker. It ends when nothing is ready, whatever is set.
    ///
    /// ```no_run
    /// # async fn f(db: pgjobs::testing::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// db.drain().worker(|worker| worker.on_failure(|job, error| eprintln!("{}: {error}", job.task()))).await?.no_failures()?;
    /// # Ok(()) }
    /// ```
    pub fn worker(mut self, set: impl FnOnce(Worker) -> Worker) -> Self {
        self.worker = set(self.worker);
        self
    }

    /// After how many runs it gives up, because jobs that publish, snooze or retry for ever would never end;
    /// by default 10,000. Also after how many moves of the clock, by default 300.
    pub fn limit(mut self, runs: u64) -> Self {
        self.limit = Some(runs);
        self
    }

    /// Goes on with the jobs that are scheduled for later, and with those that wait for their backoff: moves
    /// the [`Clock`](super::Clock) to the time at which the next one is due, again and again, until none is
    /// left.
    pub fn including_scheduled(mut self) -> Self {
        self.scheduled = true;
        self
    }

    async fn run(self) -> Result<Report, TestError> {
        let failures = Failures::default();
        let outcome = self.drain(&failures).await;
        failures.tell();
        Ok(failures.report(outcome?))
    }

    async fn drain(self, failures: &Failures) -> Result<WorkerReport, TestError> {
        let Drain { db, worker, limit, scheduled } = self;
        let (names, jumps) = (names(&worker)?, limit.unwrap_or(JUMPS));
        let (count, death) = (Count::new(limit.unwrap_or(RUNS)), Arc::new(Notify::new()));
        let injection = Injection { faults: db.faults.clone(), death: death.clone() };
        let worker = worker.burst().outermost(failures.clone()).outermost(count.clone()).layer(injection);
        let mut total = WorkerReport::default();
        for _ in 0..=jumps {
            let report = burst(db, worker.clone(), &count, &death).await?;
            let ended = report.end;
            total = sum(total, report);
            if ended == End::Orderly && testing::tend_workflows(&db.pool).await? {
                continue;
            }
            let next = match scheduled && ended == End::Orderly {
                true => testing::next_due(&db.pool, &names).await?,
                false => None,
            };
            match next {
                Some(due) => Clock(db).advance_to(due).await?,
                None => return Ok(total),
            }
        }
        Err(count.endless(jumps, "jumps of the clock"))
    }
}

/// The names of the tasks that a worker runs, and their aliases.
pub(super) fn names(worker: &Worker) -> Result<Vec<String>, Error> {
    Ok(worker.tasks()?.into_iter().flat_map(TaskDef::names).map(str::to_owned).collect())
}

impl<'a> IntoFuture for Drain<'a> {
    type Output = Result<Report, TestError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Runs a worker until nothing is ready, it dies of a fault, or there were too many runs.
async fn burst(db: &Inner, worker: Worker, count: &Count, death: &Notify) -> Result<WorkerReport, TestError> {
    let mut handle = worker.start().await?;
    tokio::select! {
        biased;
        () = death.notified() => {
            db.bury(handle.id());
            Ok(handle.die().await)
        }
        () = count.0.full.notified() => {
            handle.shutdown().await;
            Err(count.endless(count.0.limit, "runs"))
        }
        report = handle.ended() => Ok(report),
    }
}

fn sum(a: WorkerReport, b: WorkerReport) -> WorkerReport {
    WorkerReport {
        succeeded: a.succeeded + b.succeeded,
        failed: a.failed + b.failed,
        retried: a.retried + b.retried,
        snoozed: a.snoozed + b.snoozed,
        released: a.released + b.released,
        lost: a.lost + b.lost,
        unsettled: a.unsettled + b.unsettled,
        end: a.end.max(b.end),
    }
}

/// A layer that counts runs.
#[derive(Clone)]
struct Count(Arc<Counted>);

struct Counted {
    limit: u64,
    runs: AtomicU64,
    last: Mutex<String>,
    full: Notify,
}

impl Count {
    fn new(limit: u64) -> Self {
        let (runs, last, full) = (AtomicU64::new(0), Mutex::default(), Notify::new());
        Count(Arc::new(Counted { limit, runs, last, full }))
    }

    fn endless(&self, limit: u64, counted: &'static str) -> TestError {
        let task = self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        TestError::Endless { limit, counted, task }
    }
}

impl Layer for Count {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        let before = self.0.runs.fetch_add(1, Ordering::Relaxed);
        if before <= self.0.limit {
            job.task().clone_into(&mut self.0.last.lock().unwrap_or_else(PoisonError::into_inner));
        }
        if before < self.0.limit {
            return next.run().await;
        }
        self.0.full.notify_one();
        Err(TaskError::snooze(Duration::ZERO)) // this one stays as it is
    }
}
