//! How the user ends a worker: by its handle or by a signal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::members::Members;
use super::outage::in_seconds;
use super::shutdown::Phase;

/// Ends a worker from anywhere.
#[derive(Clone)]
pub(super) struct Stopper(pub(super) Arc<Members>);

impl Stopper {
    pub(super) fn stop(&self) {
        self.0.team.end(Phase::Draining);
    }

    /// Logs what the shutdown waits for.
    fn tell(&self, signal: &str) {
        let load = self.0.team.load();
        tracing::info!(
            running = load.running,
            waiting = load.waiting,
            "{signal}: no more claims; {} running {} may finish within {}, those that wait are released; \
             a second signal ends at once",
            load.running,
            if load.running == 1 { "job" } else { "jobs" },
            in_seconds(self.0.settings.grace)
        );
    }
}

/// Two signals within this time count as one.
const SAME_MOMENT: Duration = Duration::from_millis(100);

/// The signals that end a worker, caught from the moment this is made.
pub(super) struct Signals(Option<(Signal, Signal)>);

impl Signals {
    pub(super) fn listen() -> Self {
        let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        Signals(interrupt.ok().zip(terminate.ok()))
    }

    /// The first SIGINT or SIGTERM stops the worker, the second ends the process. One that arrives at the
    /// same moment is not a second one: some senders signal the process and its group.
    pub(super) async fn stop(mut self, stopper: Stopper) {
        if self.0.is_none() {
            tracing::warn!("signals cannot be caught here; the worker ends when its process does");
            return;
        }
        let name = self.next().await;
        stopper.tell(name);
        stopper.stop();
        let first = Instant::now();
        while first.elapsed() < SAME_MOMENT {
            self.next().await;
        }
        tracing::warn!(
            "second signal: ending at once; jobs that ran come back when the worker's lease has run out"
        );
        std::process::exit(130);
    }

    /// Waits for a signal during the start, which may take long: a lock is held, or a server does not answer.
    pub(super) async fn end_start(&mut self) {
        let name = self.next().await;
        tracing::info!("{name}: ending before the worker has started");
    }

    async fn next(&mut self) -> &'static str {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! { _ = interrupt.recv() => "SIGINT", _ = terminate.recv() => "SIGTERM" }
    }
}
