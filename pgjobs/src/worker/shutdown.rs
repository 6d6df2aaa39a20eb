//! How the loops of a worker learn that it ends, and how the user ends it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::members::Members;
use super::outage::in_seconds;

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

/// How far the shutdown of one server's loops has come. All servers of a worker stop working together; each
/// sends its last outcomes and leaves by itself.
pub(super) struct Stop {
    phase: watch::Sender<Phase>,
    all: Arc<Stops>,
}

/// Those of all servers of a worker, and how far they have come together.
pub(super) struct Stops(Mutex<(Phase, Vec<watch::Sender<Phase>>)>);

impl Default for Stops {
    fn default() -> Self {
        Stops(Mutex::new((Phase::Working, Vec::new())))
    }
}

impl Stop {
    pub(super) fn one_of(all: &Arc<Stops>) -> Self {
        let mut together = all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let phase = watch::channel(together.0).0;
        together.1.push(phase.clone());
        Stop { phase, all: all.clone() }
    }

    pub(super) fn advance(&self, to: Phase) {
        if to > Phase::HandingBack {
            return advance(&self.phase, to);
        }
        let mut together = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        together.0 = together.0.max(to);
        together.1.iter().for_each(|phase| advance(phase, to));
    }

    pub(super) fn is_draining(&self) -> bool {
        self.has_reached(Phase::Draining)
    }

    /// Whether nothing is left to do.
    pub(super) fn has_left(&self) -> bool {
        self.has_reached(Phase::Leaving)
    }

    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        *self.phase.borrow() >= phase
    }

    /// Returns once the shutdown has reached this phase.
    pub(super) async fn reached(&self, phase: Phase) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }
}

fn advance(phase: &watch::Sender<Phase>, to: Phase) {
    phase.send_if_modified(|phase| {
        let later = *phase < to;
        *phase = (*phase).max(to);
        later
    });
}

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

    async fn next(&mut self) -> &'static str {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! { _ = interrupt.recv() => "SIGINT", _ = terminate.recv() => "SIGTERM" }
    }
}
