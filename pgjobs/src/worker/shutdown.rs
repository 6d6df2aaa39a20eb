//! How the loops of a worker learn that it ends.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

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
        together.1.retain(|other| other.sender_count() > 1); // its loops have ended, or never began
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
