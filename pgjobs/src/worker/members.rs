//! The loops of a worker for all of its servers, as its owner sees them.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::settings::Settings;
use super::shared::Shared;
use super::team::Team;

/// Completes when the loops for a server have ended.
pub(super) type Ended = BoxFuture<'static, ()>;

pub(super) struct Members {
    pub(super) team: Arc<Team>,
    pub(super) settings: Arc<Settings>,
    /// Those that have begun. The team refers to them only as long as somebody here holds them.
    begun: Mutex<Vec<Arc<Shared>>>,
}

impl Members {
    pub(super) fn new(team: Arc<Team>, settings: Settings) -> Arc<Self> {
        Arc::new(Members { team, settings: Arc::new(settings), begun: Mutex::default() })
    }

    /// Takes up the loops for a server, which have begun.
    pub(super) fn join(&self, shared: &Arc<Shared>) {
        self.team.join(shared);
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).push(shared.clone());
    }

    pub(super) fn begun(&self) -> Vec<Arc<Shared>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
