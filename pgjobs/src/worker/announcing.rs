//! Announces events while somebody listens for them.
//!
//! What this worker writes of events commits with its claims, outcomes and beats, without a notification: a
//! NOTIFY holds a lock that all committing transactions share. One statement after them announces all of it,
//! at most every 50 ms. The worker hears of listeners by the listen loop; until then it sends nothing.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// For how long somebody listens who has said so; those who go on say it again every few seconds.
const LISTENS: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Announcing {
    until: Mutex<Option<Instant>>,
    written: Notify,
}

impl Announcing {
    /// Somebody listens for events.
    pub(super) fn subscribed(&self) {
        self.set(Some(Instant::now() + LISTENS));
        self.written.notify_one();
    }

    /// A statement has ended that wrote something, or not: there may be events that nobody has heard of.
    pub(super) fn wrote(&self, something: bool) {
        if !something {
            return;
        }
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| until > Instant::now()) {
            self.written.notify_one();
        }
    }

    /// Nobody listens any more.
    pub(super) fn left(&self) {
        self.set(None);
    }

    /// Waits until there is something to announce.
    pub(super) async fn due(&self) {
        self.written.notified().await;
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}
