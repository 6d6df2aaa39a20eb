//! Announces events while somebody listens for them.
//!
//! What this worker writes of events commits with its claims, outcomes and beats, without a notification: a
//! NOTIFY holds a lock that all committing transactions share. One statement after them announces all of it,
//! at most every 50 ms. The worker hears of listeners by the listen loop; until then it sends nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::shared::Shared;
use super::shutdown::Phase;
use crate::db::events;

/// The name of its connection.
const PART: &str = "announce";

/// The shortest pause between two announcements.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the database may take for one.
const DEADLINE: Duration = Duration::from_secs(5);

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

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// Announces until the worker leaves. Its connection is open only while somebody listens.
pub(super) async fn announce(shared: Arc<Shared>) {
    let mut db = shared.connection(PART, DEADLINE);
    loop {
        tokio::select! {
            biased;
            () = shared.stop.reached(Phase::Leaving) => break,
            () = shared.announcing.written.notified() => {}
        }
        let announced = db.call(async |connection| events::announce(connection).await).await;
        if announced.as_ref().is_ok_and(|is_heard| !is_heard) {
            shared.announcing.set(None);
            db.close().await;
            db = shared.connection(PART, DEADLINE);
        }
        if let Err(error) = announced {
            tracing::debug!(%error, "events were not announced; who listens looks once a second");
        }
        tokio::time::sleep(PAUSE).await;
    }
    db.close().await;
}
