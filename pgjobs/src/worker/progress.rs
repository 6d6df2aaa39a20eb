//! Sends what runs say while they go on: their progress and log lines, of all runs in one call, at most twice a
//! second.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::heartbeat_loop::PART;
use super::outage::{Call, words};
use super::shared::Shared;
use crate::db::connection::DbConnection;
use crate::db::progress;
use crate::db::refusal::is_about_server;
use crate::task::notes;

/// The least time between two calls.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(super) struct Reporter {
    sent: Option<Instant>,
}

impl Reporter {
    /// Waits until there is something to send, and it is time.
    pub(super) async fn due(&self, shared: &Shared) {
        while shared.outbox.is_empty() {
            shared.outbox.filled.notified().await;
        }
        if let Some(sent) = self.sent {
            tokio::time::sleep_until(sent + PAUSE).await;
        }
    }

    /// Sends it; what does not arrive is sent again, unless the database refuses it.
    pub(super) async fn send(&mut self, db: &mut DbConnection, shared: &Arc<Shared>) {
        let drafts = shared.outbox.take();
        if drafts.is_empty() || shared.has_died() {
            return;
        }
        let (worker, json) = (shared.identity(), notes::array(&drafts));
        self.sent = Some(Instant::now());
        match db.call(async |connection| progress::note(connection, worker, &json).await).await {
            Ok(()) => {
                shared.outage.went_well(PART, Call::Progress);
                drafts.iter().for_each(notes::Draft::was_stored);
            }
            Err(error) if is_about_server(&error) => {
                shared.outage.failed(PART, Call::Progress, &error, db.opened());
                shared.outbox.give_back(&drafts);
            }
            Err(error) => {
                tracing::warn!(error = words(&error), "progress of {} runs was not stored", drafts.len());
            }
        }
    }
}
