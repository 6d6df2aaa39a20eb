//! The notes of runs whose outcomes are on their way: what is left of them is sent before the outcome,
//! because the database hears only of runs that go on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::in_flight::Key;
use crate::task::notes::{Draft, RunNotes};

#[derive(Default)]
pub(super) struct LastWords {
    notes: Mutex<HashMap<Key, Arc<RunNotes>>>,
    /// How many there are, so that runs that say nothing cost no lock.
    number: AtomicUsize,
}

impl LastWords {
    /// The run ends; its outcome is sent after this.
    pub(super) fn add(&self, run: Key, notes: Arc<RunNotes>) {
        let mut all = self.notes();
        all.insert(run, notes);
        self.number.store(all.len(), Ordering::Release);
    }

    /// Takes out what these runs have left to say.
    pub(super) fn take(&self, runs: impl Iterator<Item = Key>) -> Vec<(Key, Draft)> {
        if self.number.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut all = self.notes();
        let notes = runs.filter_map(|run| all.remove(&run).map(|notes| (run, notes))).collect::<Vec<_>>();
        self.number.store(all.len(), Ordering::Release);
        drop(all);
        notes.into_iter().filter_map(|(run, notes)| Some((run, notes.last_words()?))).collect()
    }

    fn notes(&self) -> MutexGuard<'_, HashMap<Key, Arc<RunNotes>>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
