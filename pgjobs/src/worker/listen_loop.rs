//! The ear: turns the database's notifications into a look for work.
//!
//! A hint, never a need. Whatever is missed, while reconnecting or behind a pooler that swallows
//! notifications, the claim loop finds by polling.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::outage::in_seconds;
use super::shared::Shared;
use crate::db::notify::READY;
use crate::db::refusal::{is_outage, server_code};
use crate::types::backoff::Backoff;
use crate::types::error::Error;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// Listens until its task is stopped. It reads from a pool of its own, which ends with it.
pub(super) async fn listen(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        match hear(&shared, &mut failures).await {
            Ok(never) => match never {},
            Err(error) => {
                let delay = RECONNECT.delay(failures);
                failures = (failures + 1).min(20);
                tell(&shared, &error.into(), failures);
                tokio::time::sleep(delay).await;
            }
        }
    }
}

/// An outage is told by those who cannot do without. What keeps this connection alone away is told once.
fn tell(shared: &Shared, error: &Error, failures: u32) {
    let is_full = server_code(error).is_some_and(|code| code == "53300");
    if failures > 1 || is_outage(error) && !is_full {
        tracing::debug!(%error, "listening failed");
    } else {
        let poll = in_seconds(shared.settings.poll);
        tracing::warn!(%error, "notifications cannot be heard; the worker looks for jobs every {poll}");
    }
}

/// Where the primary is, the claims find out.
async fn hear(shared: &Shared, failures: &mut u32) -> Result<std::convert::Infallible, sqlx::Error> {
    let options = shared.servers.named("listen").last_known();
    // A lost connection is asked for again at the same server for so long.
    let patience = shared.servers.patience();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(patience).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(READY).await?;
    loop {
        // `None` is a connection that was lost and made anew: what was said meanwhile is unknown.
        listener.try_recv().await?;
        *failures = 0;
        shared.heard.notify_one();
    }
}
