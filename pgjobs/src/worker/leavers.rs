//! Runs that were told that they are in vain, and have not ended yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::in_flight::{Key, key};
use crate::task::job::Job;

/// A run that was told that it is in vain.
pub(super) struct Leaver {
    pub(super) job: Arc<Job>,
    pub(super) run: Option<AbortHandle>,
}

/// Those that have not ended yet.
#[derive(Default)]
pub(super) struct Leavers {
    runs: Mutex<HashMap<Key, Leaver>>,
    gone: Notify,
}

impl Leavers {
    fn with<R>(&self, f: impl FnOnce(&mut HashMap<Key, Leaver>) -> R) -> R {
        f(&mut self.runs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The run of this job, which was cancelled, has ended.
    pub(super) fn left(&self, job: &Job) {
        self.with(|runs| runs.remove(&key(job)));
        self.gone.notify_waiters();
    }

    /// Drops what still runs: the worker ends, or has lost its lease.
    pub(super) fn drop_all(&self) {
        let runs: Vec<Leaver> = self.with(|runs| runs.drain().map(|(_, leaver)| leaver).collect());
        runs.into_iter().filter_map(|leaver| leaver.run).for_each(|run| run.abort());
    }

    pub(super) fn add(&self, leavers: Vec<Leaver>) {
        self.with(|runs| runs.extend(leavers.into_iter().map(|leaver| (key(&leaver.job), leaver))));
    }

    /// Does this to those of these runs that have not ended; returns how many.
    pub(super) fn each(&self, keys: &[Key], f: impl Fn(&Leaver)) -> usize {
        let left: Vec<Leaver> = self.with(|runs| {
            let left = keys.iter().filter_map(|key| runs.get(key));
            left.map(|leaver| Leaver { job: leaver.job.clone(), run: leaver.run.clone() }).collect()
        });
        left.iter().for_each(f); // without the lock: what is dropped here takes it
        left.len()
    }

    /// Waits until these runs have ended.
    pub(super) async fn are_gone(&self, keys: &[Key]) {
        loop {
            let mut gone = std::pin::pin!(self.gone.notified());
            gone.as_mut().enable();
            if self.with(|runs| !keys.iter().any(|key| runs.contains_key(key))) {
                return;
            }
            gone.await;
        }
    }
}
