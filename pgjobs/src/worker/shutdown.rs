//! How the loops of a worker learn that it ends, and how the user ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::outage::in_seconds;
use super::shared::Shared;

/// How far the shutdown has come; it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Working,
    /// No more claims; the worker releases queued jobs, and running jobs may finish.
    Draining,
    /// As well, but running jobs are released at once.
    HandingBack,
    /// No job runs any more; the last outcomes are being sent.
    Closing,
    /// Outcomes that the database does not have yet, it never gets.
    Late,
    /// The database has every outcome that it gets; the worker unregisters.
    Leaving,
}

pub(super) struct Stop(watch::Sender<Phase>);

impl Stop {
    pub(super) fn new() -> Self {
        Stop(watch::channel(Phase::Working).0)
    }

    pub(super) fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let later = *phase < to;
            *phase = (*phase).max(to);
            later
        });
    }

    pub(super) fn is_draining(&self) -> bool {
        self.has_reached(Phase::Draining)
    }

    /// Whether nothing is left to do.
    pub(super) fn has_left(&self) -> bool {
        self.has_reached(Phase::Leaving)
    }

    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase
    }

    /// Returns once the shutdown has reached this phase.
    pub(super) async fn reached(&self, phase: Phase) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|now| *now >= phase).await;
    }
}

/// Ends a worker from anywhere.
#[derive(Clone)]
pub(super) struct Stopper(pub(super) Arc<Shared>);

impl Stopper {
    pub(super) fn stop(&self) {
        self.0.stop.advance(Phase::Draining);
    }

    /// Logs what the shutdown waits for.
    fn tell(&self, signal: &str) {
        let load = self.0.counts.load();
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

    async fn next(&mut self) -> &'static str {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! { _ = interrupt.recv() => "SIGINT", _ = terminate.recv() => "SIGTERM" }
    }
}
