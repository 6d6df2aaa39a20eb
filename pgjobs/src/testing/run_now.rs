//! A worker that runs one job.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::sync::{MutexGuard, Notify};

use super::drain::{names, worker};
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
use crate::worker::{Worker, WorkerHandle, WorkerReport};

/// A [`Worker`] that runs one job; made by [`Database::run_now`](super::Database::run_now) and started by
/// `.await`, which returns what the task returned.
///
/// The job need not be due. Until the worker has it, which takes a moment, the other pending jobs of its task
/// are locked, so that it takes none of them; while the task runs, nothing is. Other jobs are not touched, not
/// even those that this one publishes. A run that fails has the consequences that it always has: the job waits
/// for its backoff, or has ended. A job that could not be run is scheduled as it was.
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
/// ended; [`TestError::NotRun`] when something keeps it from running; [`TestError::Died`] after an injected death; those of [`Worker::start`].
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
        let id = job.id();
        let row = match job.fetch(&db.pool).await {
            Err(Error::UnknownJob(_)) => return Err(not_run(id, NOT_THERE.to_owned())),
            row => row?,
        };
        if row.state != JobState::Pending {
            return Err(TestError::NotPending { id: id.clone(), state: row.state });
        }
        let worker = worker.topic(row.task);
        let names = names(&worker)?;
        let alone = db.running_now.lock().await; // the jobs that one holds, the other would not find
        let made = testing::make_ready(&db.pool, id).await?;
        let outcome = only(db, worker, &names, id, alone).await;
        if made && matches!(outcome, Ok(None) | Err(TestError::Jobs(_))) {
            testing::unmake_ready(&db.pool, id).await?;
        }
        match outcome? {
            Some(result) => Ok(read_result(result.map_err(TestError::Run)?.get()).map_err(Error::Body)?),
            None => Err(why_not(db, &job).await?),
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

fn not_run(id: &JobId, reason: String) -> TestError {
    TestError::NotRun { id: id.clone(), reason }
}

const NOT_THERE: &str =
    "there is no such job in the database; if a transaction published it, commit that first";
const NOBODY_KNOWS: &str = "the worker did not get it, since another worker or transaction was faster";

/// Why a worker did not get a pending job.
async fn why_not<R>(db: &Inner, job: &JobHandle<R>) -> Result<TestError, Error> {
    let id = job.id();
    let state = job.fetch(&db.pool).await?.state;
    if state != JobState::Pending {
        return Ok(TestError::NotPending { id: id.clone(), state });
    }
    let reasons = testing::obstacles(&db.pool, id).await?;
    Ok(not_run(id, if reasons.is_empty() { NOBODY_KNOWS.to_owned() } else { reasons.join("; ") }))
}

/// Has a worker claim and run this one job, and returns what came of it; `None` when it did not get it.
///
/// The other jobs are held only until the worker has the job. From then on its only slot is taken, and it
/// claims nothing; and the task can do with the others what it likes.
async fn only(
    db: &Inner,
    worker: Worker,
    names: &[String],
    id: &JobId,
    alone: MutexGuard<'_, ()>,
) -> Result<Option<RunResult>, TestError> {
    let (only, death) = (Only::new(id.clone()), Arc::new(Notify::new()));
    let injection = Injection { faults: db.faults.clone(), death: death.clone() };
    let mut others = db.pool.begin().await?;
    testing::hold_others(&mut others, names, id).await?;
    let mut handle = worker.outermost(only.clone()).layer(injection).start().await?;
    let missed = tokio::select! {
        biased;
        () = only.0.claimed.notified() => None,
        report = handle.ended() => Some(report),
    };
    others.rollback().await?;
    drop(alone);
    match missed {
        Some(report) => Ok(only.result(report)),
        None => once(db, handle, &only, &death).await,
    }
}

/// Lets the claimed job run, and ends the worker before it claims another.
async fn once(
    db: &Inner,
    mut handle: WorkerHandle,
    only: &Only,
    death: &Notify,
) -> Result<Option<RunResult>, TestError> {
    only.0.begin.notify_one();
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

/// A layer that lets one job run when the others are free again, keeps its result, and has the worker stopped
/// before a slot is free for the next.
#[derive(Clone)]
struct Only(Arc<One>);

struct One {
    id: JobId,
    claimed: Notify,
    begin: Notify,
    result: Mutex<Option<RunResult>>,
    ran: Notify,
    stopped: Notify,
}

impl Only {
    fn new(id: JobId) -> Self {
        let notify = Notify::new;
        let result = Mutex::default();
        Only(Arc::new(One {
            id,
            claimed: notify(),
            begin: notify(),
            result,
            ran: notify(),
            stopped: notify(),
        }))
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
        self.0.claimed.notify_one();
        self.0.begin.notified().await;
        let result = next.run().await;
        *self.0.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.clone());
        self.0.ran.notify_one();
        self.0.stopped.notified().await;
        result
    }
}
