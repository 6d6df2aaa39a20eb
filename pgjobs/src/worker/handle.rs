//! The owner's handle of a worker that runs in the background.

use std::sync::Arc;

use tokio::sync::oneshot;
#[cfg(feature = "testing")]
use uuid::Uuid;

use super::counts::{End, WorkerReport};
use super::health::WorkerHealth;
use super::shared::Shared;
use super::shutdown::{Phase, Stopper};

/// A worker that runs in the background.
///
/// Dropping it stops claiming but waits for nothing; call [`shutdown`](WorkerHandle::shutdown) to end the
/// worker in order. If the process ends without that, its jobs wait for the end of the lease, as after a
/// crash: they run again elsewhere, and the interrupted run counts as an attempt.
#[must_use = "dropping it stops the worker"]
pub struct WorkerHandle {
    shared: Arc<Shared>,
    ended: oneshot::Receiver<WorkerReport>,
}

impl WorkerHandle {
    pub(super) fn new(shared: Arc<Shared>, ended: oneshot::Receiver<WorkerReport>) -> Self {
        WorkerHandle { shared, ended }
    }

    /// Stops claiming, lets running jobs finish within the grace period, and releases the rest.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let worker = pgjobs::Worker::new(pool).start().await?;
    /// // … serve requests until the program is to end …
    /// let report = worker.shutdown().await;
    /// println!("{} jobs done", report.succeeded);
    /// # Ok(()) }
    /// ```
    pub async fn shutdown(self) -> WorkerReport {
        self.shared.stop.advance(Phase::Draining);
        self.wait().await
    }

    /// Waits until the worker has ended: a burst by itself, any other by [`stop`](WorkerHandle::stop).
    pub async fn wait(mut self) -> WorkerReport {
        self.ended().await
    }

    /// The same for a caller that keeps the handle; called once more after the end, it never returns a report
    /// of another end.
    pub(crate) async fn ended(&mut self) -> WorkerReport {
        match (&mut self.ended).await {
            Ok(report) => report,
            Err(_) => {
                self.shared.counts.ends(End::Broken); // its thread panicked, and logged it
                self.shared.counts.report()
            }
        }
    }

    /// Asks the worker to stop and returns at once.
    pub fn stop(&self) {
        self.shared.stop.advance(Phase::Draining);
    }

    /// What the worker has done so far.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let worker = pgjobs::Worker::new(pool).start().await?;
    /// println!("{} jobs done so far", worker.report().succeeded);
    /// # Ok(()) }
    /// ```
    pub fn report(&self) -> WorkerReport {
        self.shared.counts.report()
    }

    /// Whether it lives and is ready, for whoever asks while it runs.
    pub fn health(&self) -> WorkerHealth {
        WorkerHealth(self.shared.clone())
    }

    /// The worker's id in the database.
    #[cfg(feature = "testing")]
    pub(crate) fn id(&self) -> Uuid {
        self.shared.identity()
    }

    /// Ends the worker as a crash of its process would: what runs is stopped, and the database does not hear
    /// of it, nor of the end of the worker.
    #[cfg(feature = "testing")]
    pub(crate) async fn die(mut self) -> WorkerReport {
        self.shared.die();
        self.ended().await
    }

    pub(super) fn stopper(&self) -> Stopper {
        Stopper(self.shared.clone())
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        if !self.shared.stop.is_draining() {
            tracing::info!(
                worker = %self.shared.identity(),
                "stopping: the handle of this worker was dropped; keep it, and call shutdown() to wait for its end"
            );
        }
        self.shared.stop.advance(Phase::Draining);
    }
}
