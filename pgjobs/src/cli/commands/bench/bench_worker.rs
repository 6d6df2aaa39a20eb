//! A worker that runs the tasks of the bench, and what the bench measures of it.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::stage::{all_succeeded, open};
use super::tasks::{ERRAND, NOOP, PickedUp, Probe, TOPIC};
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::progress::Progress;
use crate::{Worker, WorkerHandle, WorkerReport};

const GLANCE: Duration = Duration::from_millis(5);
/// The bench fails when the worker starts or completes no job for this long.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct BenchWorker {
    pub(crate) pool: PgPool,
    pub(crate) epoch: Instant,
    worker: WorkerHandle,
    pick_ups: UnboundedReceiver<PickedUp>,
}

impl BenchWorker {
    pub(crate) async fn start(pool: PgPool, concurrency: u16) -> Result<Self, Failure> {
        let (sender, pick_ups) = mpsc::unbounded_channel();
        let epoch = Instant::now();
        // The topic excludes other tasks that are linked into the program.
        let worker = Worker::new(pool.clone()).topic(TOPIC).task(&NOOP).task(&ERRAND);
        let worker = worker.state(Probe { epoch, pick_ups: sender }).concurrency(usize::from(concurrency));
        Ok(BenchWorker { worker: worker.start().await?, pool, epoch, pick_ups })
    }

    pub(crate) fn succeeded(&self) -> u64 {
        self.worker.report().succeeded
    }

    /// Waits for the next job to start.
    pub(crate) async fn pick_up(&mut self) -> Result<PickedUp, Failure> {
        let next = tokio::time::timeout(PATIENCE, self.pick_ups.recv()).await;
        next.ok().flatten().ok_or_else(stalled)
    }

    /// The pick-up times that have arrived and were not returned yet.
    pub(crate) fn pick_ups(&mut self) -> Vec<Duration> {
        std::iter::from_fn(|| self.pick_ups.try_recv().ok()).map(|job| job.after).collect()
    }

    /// Waits until the worker has succeeded at this many jobs and the database has no open job.
    pub(crate) async fn emptied(&self, jobs: u64, progress: &Progress) -> Result<(), Failure> {
        let (mut seen, mut last) = (0, Instant::now());
        loop {
            let succeeded = self.succeeded();
            progress.at(succeeded);
            if succeeded >= jobs && open(&self.pool).await? == 0 {
                return Ok(());
            }
            if succeeded > seen {
                (seen, last) = (succeeded, Instant::now());
            } else if last.elapsed() > PATIENCE {
                return Err(stalled());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Shuts the worker down and closes its pool; fails unless this many jobs succeeded.
    pub(crate) async fn dismiss(self, jobs: u64) -> Result<WorkerReport, Failure> {
        let report = self.worker.shutdown().await;
        all_succeeded(&self.pool, jobs).await?;
        // A connection that is still open when its database is dropped would report an error.
        self.pool.close().await;
        Ok(report)
    }
}

fn stalled() -> Failure {
    let patience = format::span(i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX));
    Failure::failed(format!("the worker did nothing for {patience}; run with -v for its log"))
}
