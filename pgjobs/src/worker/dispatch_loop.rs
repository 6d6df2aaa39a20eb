//! The dispatch loop: starts the queued jobs, one for each free slot.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::run::run;
use super::shared::Shared;
use super::shutdown::Phase;
use super::slots::Slot;
use crate::db::settle::Outcome;
use crate::task::job::Job;
use crate::types::backoff::Backoff;

pub(super) async fn dispatch(shared: Arc<Shared>, mut line: mpsc::UnboundedReceiver<Arc<Job>>) {
    while let Some(job) = line.recv().await {
        let slot = free_slot(&shared).await;
        let Some(slot) = slot.filter(|_| !shared.commands.is_paused()) else {
            shared.counts.passed_over();
            shared.settle(&job, Outcome::Release);
            continue;
        };
        if !shared.in_flight.holds(&job) {
            shared.counts.passed_over();
            continue; // its lease was lost while it waited, or it was released: it runs elsewhere
        }
        shared.counts.started();
        // Made before the task is spawned, and dropped with it: also when it is aborted before it begins.
        let ended = Ended { shared: shared.clone(), job: job.clone(), _slot: slot };
        let handle = tokio::spawn(async move { run(&ended.shared, ended.job.clone()).await });
        if !shared.in_flight.start(&job, handle.abort_handle()) {
            handle.abort(); // it has ended already, or was taken out and must not run on
        }
    }
}

/// Waits for a slot; `None` when the worker is asked to stop.
async fn free_slot(shared: &Shared) -> Option<Slot> {
    if shared.stop.is_draining() {
        return None;
    }
    if let Some(slot) = shared.slots.try_take() {
        return Some(slot); // usual with short jobs: nothing to wait for, nothing to set up
    }
    tokio::select! {
        biased;
        () = shared.stop.reached(Phase::Draining) => None,
        slot = shared.slots.take() => slot,
    }
}

struct Ended {
    shared: Arc<Shared>,
    job: Arc<Job>,
    _slot: Slot,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // No effect after an outcome. Without one the run ended in a way that nothing else saw: by a panic
        // while its future was dropped, which is the task's fault, or by the end of its runtime, which is
        // not.
        let outcome = if std::thread::panicking() {
            Outcome::Retry("the run ended without an outcome".to_owned(), Backoff::DEFAULT.delay(0))
        } else {
            Outcome::Release
        };
        self.shared.settle(&self.job, outcome);
        if self.job.ending().end() {
            self.shared.leavers.left(&self.job);
        }
        self.shared.counts.ended();
        if self.shared.commands.drains() {
            self.shared.end_if_drained();
        }
        self.shared.room.notify_one();
    }
}
