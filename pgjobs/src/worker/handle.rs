//! A worker that runs in the background, in the hands of its owner.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::counts::{End, WorkerReport};
use super::shared::Shared;
use super::shutdown::{Phase, Stopper};

/// A worker that runs in the background.
///
/// Dropping it stops claiming but waits for nothing; call [`shutdown`](WorkerHandle::shutdown) to
/// end it in order. A process that ends without that leaves its jobs to the lease, as one that crashed: they
/// run again elsewhere, with that run charged.
#[must_use = "dropping it stops the worker"]
pub struct WorkerHandle {
    shared: Arc<Shared>,
    ended: oneshot::Receiver<WorkerReport>,
}

impl WorkerHandle {
    pub(super) fn new(shared: Arc<Shared>, ended: oneshot::Receiver<WorkerReport>) -> Self {
        WorkerHandle { shared, ended }
    }

    /// Stops claiming, lets running jobs finish within the grace period, hands back the rest.
    pub async fn shutdown(self) -> WorkerReport {
        self.shared.stop.advance(Phase::Draining);
        self.wait().await
    }

    /// Waits until the worker has ended: a burst by itself, another by [`stop`](WorkerHandle::stop).
    pub async fn wait(mut self) -> WorkerReport {
        match (&mut self.ended).await {
            Ok(report) => report,
            Err(_) => {
                self.shared.counts.ends(End::Broken); // its thread panicked, and said so
                self.shared.counts.report()
            }
        }
    }

    /// Asks it to end and returns at once.
    pub fn stop(&self) {
        self.shared.stop.advance(Phase::Draining);
    }

    /// What it has done so far.
    pub fn report(&self) -> WorkerReport {
        self.shared.counts.report()
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
