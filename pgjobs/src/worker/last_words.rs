//! What is left to say of runs that end. It goes with the outcome where the run succeeded and nothing was
//! sent of it before, as most runs are short. Else the notes wait here and are sent before the outcome, because
//! the database hears only of runs that go on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::db::settle::Settlement;
use crate::db::worker::RunKey;
use crate::task::notes::{Draft, Parting, RunNotes};

#[derive(Default)]
pub(super) struct LastWords {
    notes: Mutex<HashMap<RunKey, Arc<RunNotes>>>,
    /// How many there are, so that runs that say nothing cost no lock.
    number: AtomicUsize,
}

impl LastWords {
    /// The run ends so: takes along what it has said, or keeps it for a call before the outcome.
    pub(super) fn part(&self, notes: Arc<RunNotes>, settlement: &mut Settlement) {
        match notes.part(settlement.outcome.is_success()) {
            Parting::Nothing => {}
            Parting::Together(said) => settlement.said = Some(said),
            Parting::Apart => self.add(settlement.run(), notes),
        }
    }

    /// The run ends; its outcome is sent after this.
    pub(super) fn add(&self, run: RunKey, notes: Arc<RunNotes>) {
        let mut all = self.notes();
        all.insert(run, notes);
        self.number.store(all.len(), Ordering::Release);
    }

    /// Takes out what these runs have left to say.
    pub(super) fn take(&self, runs: impl Iterator<Item = RunKey>) -> Vec<(RunKey, Draft)> {
        if self.number.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut all = self.notes();
        let notes = runs.filter_map(|run| all.remove(&run).map(|notes| (run, notes))).collect::<Vec<_>>();
        self.number.store(all.len(), Ordering::Release);
        drop(all);
        notes.into_iter().filter_map(|(run, notes)| Some((run, notes.last_words()?))).collect()
    }

    fn notes(&self) -> MutexGuard<'_, HashMap<RunKey, Arc<RunNotes>>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
