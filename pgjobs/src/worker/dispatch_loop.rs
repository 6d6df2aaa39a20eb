//! The dispatch loop: starts the queued jobs, one for each free slot.
//!
//! Jobs of a batch handler it passes to [`gathering`](super::gathering), with their slots.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::gathering::Gathering;
use super::run::run;
use super::shared::Shared;
use super::slots;
use crate::db::settle::Outcome;
use crate::task::job::Job;
use crate::task::joint::meeting::Seat;
use crate::types::backoff::Backoff;

pub(super) async fn dispatch(shared: Arc<Shared>, mut line: mpsc::UnboundedReceiver<Arc<Job>>) {
    let mut gathering = Gathering::new(shared.clone());
    while let Some(job) = gathering.next(&mut line).await {
        let slot = gathering.free_slot().await;
        let Some(slot) = slot.filter(|_| may_start(&shared)) else {
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
        let held = Held { shared: shared.clone(), job, slot: Slot::Own(slot) };
        if let Some(held) = gathering.add(held) {
            start(&shared, held, None);
        }
    }
}

/// Not while a command says so, nor while the server is away and the worker has others.
fn may_start(shared: &Shared) -> bool {
    !shared.is_paused() && !shared.starts_in_vain()
}

/// Starts the run of a job, with its seat in a joint run if it has one.
pub(super) fn start(shared: &Shared, held: Held, seat: Option<Seat>) {
    let job = held.job.clone();
    let handle = tokio::spawn(async move { run(&held.shared, held.job.clone(), seat).await });
    if !shared.in_flight.start(&job, handle.abort_handle()) {
        handle.abort(); // it has ended already, or was taken out and must not run on
    }
}

/// A job that has a slot, until its run ends.
pub(super) struct Held {
    shared: Arc<Shared>,
    pub(super) job: Arc<Job>,
    pub(super) slot: Slot,
}

/// What the run of a job occupies.
pub(super) enum Slot {
    Own(slots::Slot),
    /// None of its own any more, while it becomes a part of those of a joint run.
    None,
    /// The slots of a joint run, which are free again together: so the next joint run gets them all.
    Joint(#[expect(dead_code, reason = "it is held until it is dropped")] Arc<slots::Slot>),
}

impl Drop for Held {
    fn drop(&mut self) {
        // No effect after an outcome. Without one the run ended in a way that nothing else saw: by a panic
        // while its future was dropped, which is the task's fault, or by the end of its runtime, which is
        // not. Or it never began, because the worker ends.
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
        if self.shared.team.drains() {
            self.shared.end_if_drained();
        }
        self.shared.team.has_room(self.shared.place);
    }
}
