//! Every job that this worker has claimed and not yet settled.
//!
//! The caller that takes a job out of here owns its outcome; there is no other way to report one. From then
//! on its run is *given*, until the database has answered that outcome: it stays this worker's, however long
//! that takes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::db::worker::Told;
use crate::task::job::Job;

struct Entry {
    job: Arc<Job>,
    claimed: Instant,
    /// Its run, once it was spawned on the runtime.
    run: Option<AbortHandle>,
    /// When the runtime began the run.
    began: Option<Instant>,
    /// It has a slot, and waits for others of its batch handler.
    gathered: bool,
    /// Its lease was extended to count from its actual start.
    prolonged: bool,
    /// The database has recorded it as started.
    counted: bool,
}

/// A run is identified by its lease and its batch_index: the same job may be claimed again under another
/// lease.
pub(super) type Key = (Uuid, i32);

/// A run that has begun, with its task on the runtime.
pub(super) type Begun = (Arc<Job>, Option<AbortHandle>);

pub(super) fn key(job: &Job) -> Key {
    (job.lease(), job.batch_index())
}

#[derive(Default)]
pub(super) struct InFlight {
    entries: Mutex<HashMap<Key, Entry>>,
    /// Runs whose outcomes are being sent. Locked after the entries, never before.
    given: Mutex<HashSet<Key>>,
    /// Runs that were cancelled and are not here: their claim may not have been read yet. Locked after the
    /// entries.
    cancelled: Mutex<HashSet<Key>>,
    /// Jobs were taken out that may not have begun: who gathers them looks which it still has.
    pub(super) taken: Notify,
}

/// How many of them it remembers; then it begins anew.
const MOST_CANCELLED: usize = 10_000;

impl InFlight {
    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn given(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up claimed jobs; returns how many of them were cancelled meanwhile, which it does not take up.
    pub(super) fn claim(&self, jobs: &[Arc<Job>], claimed: Instant) -> usize {
        let mut entries = self.entries();
        let cancelled = self.cancelled();
        let is_void = |job: &&Arc<Job>| !cancelled.is_empty() && cancelled.contains(&key(job)); // hardly ever
        for job in jobs.iter().filter(|job| !is_void(job)) {
            let counted = job.was_claimed_as_started();
            let entry = Entry {
                job: job.clone(),
                claimed,
                run: None,
                began: None,
                gathered: false,
                prolonged: false,
                counted,
            };
            entries.insert(key(job), entry);
        }
        jobs.iter().filter(is_void).count()
    }

    /// Takes out runs that were cancelled. Returns those that have begun, and how many had not, which do not
    /// begin any more.
    pub(super) fn cancel(&self, runs: &[Key]) -> (Vec<Begun>, usize) {
        let mut entries = self.entries();
        let found: Vec<Entry> = runs.iter().filter_map(|run| entries.remove(run)).collect();
        if found.len() < runs.len() {
            let known: HashSet<Key> = found.iter().map(|entry| key(&entry.job)).collect();
            let mut cancelled = self.cancelled();
            if cancelled.len() > MOST_CANCELLED {
                cancelled.clear();
            }
            cancelled.extend(runs.iter().filter(|run| !known.contains(run)));
        }
        drop(entries); // an aborted run may be dropped at once, and takes this lock
        self.taken.notify_one();
        let (begun, unbegun): (Vec<_>, Vec<_>) = found.into_iter().partition(|entry| entry.began.is_some());
        let unbegun = unbegun.into_iter().map(stop).count();
        (begun.into_iter().map(|Entry { job, run, .. }| (job, run)).collect(), unbegun)
    }

    fn cancelled(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the job still is this worker's: false once its lease was lost.
    pub(super) fn holds(&self, job: &Job) -> bool {
        self.entries().contains_key(&key(job))
    }

    /// The runs of this worker: the entries, and those whose outcomes are being sent.
    pub(super) fn runs(&self) -> HashSet<Key> {
        let entries = self.entries();
        let mut runs = self.given().clone();
        runs.extend(entries.keys());
        runs
    }

    /// Marks a run as given that was never an entry.
    pub(super) fn give(&self, run: Key) {
        self.given().insert(run);
    }

    /// The database has answered the outcomes of these runs, or never will.
    pub(super) fn were_settled(&self, runs: impl Iterator<Item = Key>) {
        let mut given = self.given();
        runs.for_each(|run| {
            given.remove(&run);
        });
    }

    /// Records that the job was spawned on the runtime; false when it was taken out before that. (Not one
    /// step with `holds` and the spawn: a runtime that shuts down drops what is spawned on it, and the
    /// outcome of that run takes this lock.)
    pub(super) fn start(&self, job: &Job, run: AbortHandle) -> bool {
        match self.entries().get_mut(&key(job)) {
            Some(entry) => {
                entry.run = Some(run);
                true
            }
            None => false,
        }
    }

    /// Records that the job has a slot, and waits for others of its batch handler.
    pub(super) fn gather(&self, job: &Job) {
        if let Some(entry) = self.entries().get_mut(&key(job)) {
            entry.gathered = true;
        }
    }

    /// Records that the runtime begins the run; false when the job was taken out before.
    pub(super) fn begin(&self, job: &Job) -> bool {
        match self.entries().get_mut(&key(job)) {
            Some(entry) => {
                entry.began = Some(Instant::now());
                true
            }
            None => false,
        }
    }

    /// Records that the database has the run as started.
    pub(super) fn count(&self, (lease, batch_index): Key) {
        if let Some(entry) = self.entries().get_mut(&(lease, batch_index)) {
            entry.counted = true;
        }
    }

    /// Takes the job out and reports its outcome, for exactly one caller. Both happen under one lock, so that
    /// a caller that finds no entry left knows that every outcome is being sent.
    pub(super) fn take(&self, job: &Job, settle: impl FnOnce()) {
        let mut entries = self.entries();
        if entries.remove(&key(job)).is_some() {
            self.give(key(job));
            settle();
        }
    }

    /// Takes everything out and stops what runs, without outcomes. Returns how many jobs that were.
    pub(super) fn forget_all(&self) -> usize {
        let entries: Vec<Entry> = self.entries().drain().map(|(_, entry)| entry).collect();
        self.taken.notify_one();
        entries.into_iter().map(stop).count()
    }

    /// Takes everything out and stops what runs; the caller reports the outcomes.
    pub(super) fn stop_all(&self) -> Vec<Arc<Job>> {
        self.stop_if(|_| true)
    }

    /// The same for the jobs that the runtime has not begun.
    pub(super) fn stop_unbegun(&self) -> Vec<Arc<Job>> {
        self.stop_if(|entry| entry.began.is_none())
    }

    /// The same for the jobs that the runtime has not begun, but those that were gathered: they have slots,
    /// and wait as long as their batch handler says.
    pub(super) fn stop_waiting(&self) -> Vec<Arc<Job>> {
        self.stop_if(|entry| entry.began.is_none() && !entry.gathered)
    }

    fn stop_if(&self, stops: impl Fn(&Entry) -> bool) -> Vec<Arc<Job>> {
        let mut entries = self.entries();
        let stopped: Vec<(Key, Entry)> = entries.extract_if(|_, entry| stops(entry)).collect();
        self.given().extend(stopped.iter().map(|(key, _)| *key));
        drop(entries); // an aborted run may be dropped at once, and takes this lock
        self.taken.notify_one();
        stopped.into_iter().map(|(_, entry)| stop(entry)).collect()
    }

    /// What the next heartbeat reports: runs that began, or still wait, longer than `after` past their claim,
    /// whose lease should count from now; and prefetched jobs whose runs have begun since.
    pub(super) fn to_tell(&self, after: Duration) -> Told {
        let entries = self.entries();
        let mut told = Told::default();
        for (key, entry) in entries.iter() {
            let lag = entry.began.map_or_else(|| entry.claimed.elapsed(), |began| began - entry.claimed);
            if !entry.prolonged && lag > after {
                told.late.push(*key);
            }
            if !entry.counted && entry.began.is_some() {
                told.started.push(*key);
            }
        }
        told
    }

    /// The heartbeat arrived. A run that began is reported once in each list, a waiting one in every
    /// heartbeat.
    pub(super) fn were_told(&self, told: &Told) {
        let mut entries = self.entries();
        for key in &told.late {
            if let Some(entry) = entries.get_mut(key) {
                entry.prolonged = entry.began.is_some();
            }
        }
        for key in &told.started {
            if let Some(entry) = entries.get_mut(key) {
                entry.counted = true;
            }
        }
    }
}

fn stop(entry: Entry) -> Arc<Job> {
    entry.job.ending().cancel(); // for code that goes on elsewhere, such as a thread of `spawn_blocking`
    if let Some(run) = entry.run {
        run.abort();
    }
    entry.job
}

#[cfg(test)]
mod tests;
