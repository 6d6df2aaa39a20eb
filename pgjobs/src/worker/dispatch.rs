//! From the line into the slots: one job for each free slot.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::run::run;
use super::shared::Shared;
use super::stop::Phase;
use crate::job::Job;
use crate::sql::settle::Verdict;

pub(super) async fn dispatch(shared: Arc<Shared>, mut line: mpsc::UnboundedReceiver<Arc<Job>>) {
    let slots = Arc::new(Semaphore::new(shared.settings.slots));
    while let Some(job) = line.recv().await {
        let slot = tokio::select! {
            biased;
            () = shared.stop.reached(Phase::Draining) => None,
            slot = slots.clone().acquire_owned() => slot.ok(),
        };
        shared.counts.left_line();
        let Some(slot) = slot else {
            shared.settle(&job, Verdict::Release);
            continue;
        };
        if !shared.held.holds(&job) {
            continue; // its lease was lost while it waited in line: it runs elsewhere
        }
        shared.counts.started();
        let (runner, running) = (shared.clone(), job.clone());
        let handle = tokio::spawn(async move {
            // Dropped with the task, also when the task is stopped from outside.
            let _ended = Ended { shared: runner.clone(), _slot: slot };
            run(&runner, running).await;
        });
        if !shared.held.start(&job, handle.abort_handle()) {
            handle.abort(); // it has ended already, or was taken out: then it must not run on
        }
    }
}

struct Ended {
    shared: Arc<Shared>,
    _slot: tokio::sync::OwnedSemaphorePermit,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shared.counts.ended();
        self.shared.room.notify_one();
    }
}
