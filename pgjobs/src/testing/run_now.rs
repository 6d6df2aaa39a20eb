//! A worker that runs one job.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::drain::worker;
use super::error::TestError;
use super::fault::Injection;
use super::inner::Inner;
use crate::db::testing;
use crate::publish::JobHandle;
use crate::task::job::Job;
use crate::task::layer::{Layer, Next};
use crate::types::body::read_result;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::task_error::{RunResult, TaskError};
use crate::worker::{Worker, WorkerReport};

/// A [`Worker`] that runs one job; made by [`Database::run_now`](super::Database::run_now) and started by
/// `.await`, which returns what the task returned.
///
/// The job need not be due. Until it has run, the other pending jobs of its task are locked, so that no
/// worker takes them. Other jobs are not touched, not even those that this one publishes. A run that fails
/// has the consequences that it always has: the job waits for its backoff, or has ended.
///
/// ```no_run
/// # use pgjobs::{TaskError, task, testing::Database};
/// # struct Bank;
/// # #[task] async fn charge(#[inject] bank: &Bank, cents: i64) -> Result<String, TaskError> { Ok(String::new()) }
/// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
/// let job = charge::publish(db.pool(), 500).await?;
/// let receipt: String = db.run_now(&job).state(Bank).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`TestError::Run`] with the error of the run; [`TestError::NotPending`] when the job is running or has
/// ended; [`TestError::Died`] after an injected death; those of [`Worker::start`].
#[must_use = "nothing runs before `.await`"]
pub struct RunNow<'a, R> {
    db: &'a Inner,
    worker: Worker,
    job: JobHandle<R>,
}

impl<'a, R: DeserializeOwned> RunNow<'a, R> {
    pub(super) fn new(db: &'a Inner, job: JobHandle<R>) -> Self {
        RunNow { db, worker: worker(db).concurrency(1), job }
    }

    /// Adds a value that the task gets with `#[inject]`, as [`Worker::state`].
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.worker = self.worker.state(value);
        self
    }

    /// Adds a layer around the run, as [`Worker::layer`].
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.worker = self.worker.layer(layer);
        self
    }

    async fn run(self) -> Result<R, TestError> {
        let RunNow { db, worker, job } = self;
        let row = job.fetch(&db.pool).await?;
        let not_pending = |state| TestError::NotPending { id: job.id().clone(), state };
        if row.state != JobState::Pending {
            return Err(not_pending(row.state));
        }
        testing::make_ready(&db.pool, job.id()).await?;
        let mut others = db.pool.begin().await?;
        testing::hold_others(&mut others, &row.task, job.id()).await?;
        let (only, death) = (Only::new(job.id().clone()), Arc::new(Notify::new()));
        let injection = Injection { faults: db.faults.clone(), death: death.clone() };
        let worker = worker.topic(row.task).layer(only.clone()).layer(injection);
        let outcome = once(db, worker, &only, &death).await;
        others.rollback().await?;
        match outcome? {
            Some(result) => Ok(read_result(result.map_err(TestError::Run)?.get()).map_err(Error::Body)?),
            None => Err(not_pending(job.fetch(&db.pool).await?.state)),
        }
    }
}

impl<'a, R: DeserializeOwned + 'a> IntoFuture for RunNow<'a, R> {
    type Output = Result<R, TestError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Runs the worker until the job has run, and returns what came of it; `None` when another worker was faster.
async fn once(
    db: &Inner,
    worker: Worker,
    only: &Only,
    death: &Notify,
) -> Result<Option<RunResult>, TestError> {
    let mut handle = worker.start().await?;
    let report = tokio::select! {
        biased;
        () = death.notified() => {
            db.bury(handle.id());
            handle.die().await;
            return Err(TestError::Died);
        }
        () = only.0.ran.notified() => {
            handle.stop();
            only.0.stopped.notify_one();
            handle.ended().await
        }
        report = handle.ended() => report,
    };
    Ok(only.result(report))
}

const NOT_COMMITTED: &str =
    "the task ended its job in a transaction that was not committed, or the job was cancelled";

/// A layer that keeps the result of one job, and has the worker stopped before a slot is free for the next.
#[derive(Clone)]
struct Only(Arc<One>);

struct One {
    id: JobId,
    result: Mutex<Option<RunResult>>,
    ran: Notify,
    stopped: Notify,
}

impl Only {
    fn new(id: JobId) -> Self {
        let (result, ran, stopped) = (Mutex::default(), Notify::new(), Notify::new());
        Only(Arc::new(One { id, result, ran, stopped }))
    }

    fn result(&self, report: WorkerReport) -> Option<RunResult> {
        let result = self.0.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        match result {
            Some(Ok(_)) if report.succeeded == 0 => Some(Err(TaskError::new(NOT_COMMITTED))),
            result => result,
        }
    }
}

impl Layer for Only {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        if *job.id() != self.0.id {
            // Published since the others were held.
            return Err(TaskError::snooze(Duration::ZERO));
        }
        let result = next.run().await;
        *self.0.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.clone());
        self.0.ran.notify_one();
        self.0.stopped.notified().await;
        result
    }
}
