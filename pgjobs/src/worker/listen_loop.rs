//! The listen loop: wakes up the claim loop, or the heartbeat loop, when the database notifies.
//!
//! Notifications are only hints. Whatever is missed, while reconnecting or behind a pooler that drops
//! notifications, these loops find by polling. The heartbeat loop polls for commands only where none are
//! heard of; so this loop sends itself a notification to see whether they arrive.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgNotification, PgPoolOptions};
use uuid::Uuid;

use super::outage::in_seconds;
use super::shared::Shared;
use crate::db::notify::{COMMAND, READY, SUBSCRIBED, check_hearing};
use crate::db::refusal::{is_outage, server_code};
use crate::types::backoff::Backoff;
use crate::types::error::Error;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// Listens until its task is stopped. It uses a separate pool, which ends with it.
pub(super) async fn listen(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        match hear(&shared, &mut failures).await {
            Ok(never) => match never {},
            Err(error) => {
                shared.commands.hears(false);
                let delay = RECONNECT.delay(failures);
                failures = (failures + 1).min(20);
                tell(&shared, &error.into(), failures);
                tokio::time::sleep(delay).await;
            }
        }
    }
}

/// Logs that listening failed. The other loops log an outage; what affects only this connection is logged
/// once.
fn tell(shared: &Shared, error: &Error, failures: u32) {
    let is_full = server_code(error).is_some_and(|code| code == "53300");
    if failures > 1 || is_outage(error) && !is_full {
        tracing::debug!(%error, "listening failed");
    } else {
        let poll = in_seconds(shared.settings.poll);
        tracing::warn!(%error, "notifications cannot be heard; the worker looks for jobs every {poll}");
    }
}

/// Listens on the last known primary; finding a new primary is left to the claim loop.
async fn hear(shared: &Shared, failures: &mut u32) -> Result<std::convert::Infallible, sqlx::Error> {
    let options = shared.hosts.named("listen").last_known();
    // How long the pool tries to reopen a lost connection to the same server.
    let patience = shared.hosts.patience();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(patience).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen_all([READY, COMMAND, SUBSCRIBED]).await?;
    let check = format!("check {}", Uuid::new_v4());
    check_hearing(&mut listener, &check).await?;
    loop {
        let heard = listener.try_recv().await?;
        *failures = 0;
        match heard {
            Some(heard) => tell_loops(shared, &heard, &check),
            // The connection was lost and reopened, and notifications in between may be lost.
            None => {
                shared.commands.hears(false);
                shared.heard.notify_one();
                shared.commands.announce();
                check_hearing(&mut listener, &check).await?;
            }
        }
    }
}

/// Wakes the loop that a notification is for.
fn tell_loops(shared: &Shared, heard: &PgNotification, check: &str) {
    match (heard.channel(), heard.payload()) {
        (COMMAND, payload) if payload == check => shared.commands.hears(true),
        (COMMAND, payload) if payload.is_empty() || payload == shared.identity().to_string() => {
            shared.commands.announce();
        }
        (COMMAND, _) => {} // for others
        (SUBSCRIBED, _) => shared.announcing.subscribed(),
        _ => shared.heard.notify_one(),
    }
}
