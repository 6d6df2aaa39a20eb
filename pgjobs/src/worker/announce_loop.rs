//! The announce loop: one statement announces the events that this worker has written, see [`super::announcing`].

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use super::shutdown::Phase;
use crate::db::events;

/// The name of its connection.
const PART: &str = "announce";

/// The shortest pause between two announcements.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the database may take for one.
const DEADLINE: Duration = Duration::from_secs(5);

/// Announces until the worker leaves. Its connection is open only while somebody listens.
pub(super) async fn announce(shared: Arc<Shared>) {
    let mut db = shared.connection(PART, DEADLINE);
    loop {
        tokio::select! {
            biased;
            () = shared.stop.reached(Phase::Leaving) => break,
            () = shared.announcing.due() => {}
        }
        let announced = db.call(async |connection| events::announce(connection).await).await;
        if announced.as_ref().is_ok_and(|is_heard| !is_heard) {
            shared.announcing.left();
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
