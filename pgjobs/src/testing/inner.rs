//! What the database of a test, its clock and its workers share.

use std::sync::{Mutex, PoisonError};

use sqlx::PgPool;
use uuid::Uuid;

use super::fault::Faults;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) pool: PgPool,
    /// What goes wrong in the next runs.
    pub(super) faults: Faults,
    /// Held while a worker runs one job and no other.
    pub(super) running_now: tokio::sync::Mutex<()>,
    /// The workers that died of a fault: nobody sends heartbeats for them.
    dead: Mutex<Vec<Uuid>>,
}

impl Inner {
    pub(super) fn new(pool: PgPool) -> Self {
        Inner {
            pool,
            faults: Faults::default(),
            running_now: tokio::sync::Mutex::default(),
            dead: Mutex::default(),
        }
    }

    /// This worker is dying of a fault.
    pub(super) fn bury(&self, worker: Uuid) {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }

    pub(super) fn dead_workers(&self) -> Vec<Uuid> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
