//! Every job that this worker has claimed and not yet settled.
//!
//! Whoever takes a job out of here owns its verdict; there is no other way to one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::job::Job;

struct Entry {
    job: Arc<Job>,
    claimed: Instant,
    /// None while it waits in line.
    run: Option<(AbortHandle, Instant)>,
    /// Its lease was prolonged to count from its real start.
    prolonged: bool,
}

/// A run is known by its lease and its place under it: the same job may come again under another lease.
type Key = (Uuid, i32);

fn key(job: &Job) -> Key {
    (job.lease(), job.place())
}

#[derive(Default)]
pub(super) struct Held(Mutex<HashMap<Key, Entry>>);

impl Held {
    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claim(&self, jobs: &[Arc<Job>], claimed: Instant) {
        let mut entries = self.entries();
        for job in jobs {
            let entry = Entry { job: job.clone(), claimed, run: None, prolonged: false };
            entries.insert(key(job), entry);
        }
    }

    /// Whether it still is this worker's: false once its lease was lost.
    pub(super) fn holds(&self, job: &Job) -> bool {
        self.entries().contains_key(&key(job))
    }

    /// Whether this run is this worker's, as `holds`.
    pub(super) fn holds_run(&self, lease: Uuid, place: i32) -> bool {
        self.entries().contains_key(&(lease, place))
    }

    /// Notes that the job runs; false when it was taken out before it could. (Not one step with `holds` and the start:
    /// a runtime that shuts down drops what it is given, whose verdict needs this lock.)
    pub(super) fn start(&self, job: &Job, run: AbortHandle) -> bool {
        match self.entries().get_mut(&key(job)) {
            Some(entry) => {
                entry.run = Some((run, Instant::now()));
                true
            }
            None => false,
        }
    }

    /// Takes the job out and gives its verdict; for exactly one caller. Both under one lock, so that
    /// whoever finds nothing left here knows that every verdict is on its way.
    pub(super) fn take(&self, job: &Job, settle: impl FnOnce()) {
        let mut entries = self.entries();
        if entries.remove(&key(job)).is_some() {
            settle();
        }
    }

    /// Takes everything out and stops what runs.
    pub(super) fn stop_all(&self) -> Vec<Arc<Job>> {
        let entries: Vec<Entry> = self.entries().drain().map(|(_, entry)| entry).collect();
        entries
            .into_iter()
            .map(|entry| {
                if let Some((run, _)) = entry.run {
                    run.abort();
                }
                entry.job
            })
            .collect()
    }

    /// Runs that started, or still wait, longer than `after` past their claim: their lease should
    /// count from now. A started one is named once.
    pub(super) fn late(&self, after: Duration) -> Vec<Key> {
        let mut entries = self.entries();
        let lag = |entry: &Entry| match &entry.run {
            Some((_, started)) => started.duration_since(entry.claimed),
            None => entry.claimed.elapsed(),
        };
        let late = entries.values_mut().filter(|entry| !entry.prolonged && lag(entry) > after);
        late.map(|entry| {
            entry.prolonged = entry.run.is_some();
            key(&entry.job)
        })
        .collect()
    }
}
