//! The owner's handle of a worker that runs in the background.

use std::sync::Arc;
use std::task::Poll;

#[cfg(feature = "testing")]
use uuid::Uuid;

use super::counts::WorkerReport;
use super::health::WorkerHealth;
use super::members::{Ended, Members};
use super::shutdown::Phase;
use super::signals::Stopper;

/// A worker that runs in the background.
///
/// Dropping it stops claiming but waits for nothing; call [`shutdown`](WorkerHandle::shutdown) to end the
/// worker in order. If the process ends without that, its jobs wait for the end of the lease, as after a
/// crash: they run again elsewhere, and the interrupted run counts as an attempt.
#[must_use = "dropping it stops the worker"]
pub struct WorkerHandle {
    members: Arc<Members>,
    /// For each server; taken out when it has ended.
    ended: Vec<Ended>,
}

impl WorkerHandle {
    pub(super) fn new(members: Arc<Members>, ended: Vec<Ended>) -> Self {
        WorkerHandle { members, ended }
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
        self.members.team.end(Phase::Draining);
        self.wait().await
    }

    /// Waits until the worker has ended: a burst by itself, any other by [`stop`](WorkerHandle::stop).
    pub async fn wait(mut self) -> WorkerReport {
        self.ended().await
    }

    /// The same for a caller that keeps the handle; called once more after the end, it never returns a report
    /// of another end.
    pub(crate) async fn ended(&mut self) -> WorkerReport {
        // All at once: what follows the end of one, such as the end of the others, happens here.
        std::future::poll_fn(|context| {
            self.ended.retain_mut(|ended| ended.as_mut().poll(context).is_pending());
            if self.ended.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.report()
    }

    /// Asks the worker to stop and returns at once.
    pub fn stop(&self) {
        self.members.team.end(Phase::Draining);
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
        self.members.team.report()
    }

    /// The same for each of its servers, by name, in the order of their addition.
    ///
    /// ```no_run
    /// # async fn f(main: sqlx::PgPool, eu: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let worker = pgjobs::Worker::new(main).server("eu", eu).start().await?;
    /// for (server, report) in worker.server_reports() {
    ///     println!("{server}: {} jobs done so far", report.succeeded);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn server_reports(&self) -> Vec<(String, WorkerReport)> {
        let seats = self.members.team.seats.iter();
        seats.map(|seat| (seat.name.clone(), seat.counts.report())).collect()
    }

    /// Whether it lives and is ready, for whoever asks while it runs.
    pub fn health(&self) -> WorkerHealth {
        WorkerHealth(self.members.clone())
    }

    /// The worker's id in the database, of several the first one.
    #[cfg(feature = "testing")]
    pub(crate) fn id(&self) -> Uuid {
        self.members.begun().first().map_or_else(Uuid::nil, |shared| shared.identity())
    }

    /// Ends the worker as a crash of its process would: what runs is stopped, and the database does not hear
    /// of it, nor of the end of the worker.
    #[cfg(feature = "testing")]
    pub(crate) async fn die(mut self) -> WorkerReport {
        self.members.begun().iter().for_each(|shared| shared.die());
        self.ended().await
    }

    pub(super) fn stopper(&self) -> Stopper {
        Stopper(self.members.clone())
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        if !self.members.team.stop.is_draining() {
            let workers: Vec<_> = self.members.begun().iter().map(|shared| shared.identity()).collect();
            tracing::info!(
                ?workers,
                "stopping: the handle of this worker was dropped; keep it, and call shutdown() to wait for its end"
            );
        }
        self.members.team.end(Phase::Draining);
    }
}
