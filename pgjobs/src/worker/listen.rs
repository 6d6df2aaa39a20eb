//! The ear: turns the database's notifications into a look for work.
//!
//! A hint, never a need. Whatever is missed, while reconnecting or behind a pooler that swallows
//! notifications, the claim loop finds by polling.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::shared::Shared;
use crate::backoff::Backoff;
use crate::sql::listen::READY;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// A lost connection is asked for again at the same server for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens until its task is stopped. It reads from a pool of its own, which ends with it.
pub(super) async fn listen(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        match hear(&shared, &mut failures).await {
            Ok(never) => match never {},
            Err(error) => {
                let delay = RECONNECT.delay(failures);
                failures = (failures + 1).min(20);
                tracing::warn!(%error, retry_in = ?delay, "listening failed; polling goes on");
                tokio::time::sleep(delay).await;
            }
        }
    }
}

/// Where the primary is, the claims find out.
async fn hear(shared: &Shared, failures: &mut u32) -> Result<std::convert::Infallible, sqlx::Error> {
    let options = shared.servers.named("listen").last_known();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(READY).await?;
    loop {
        // `None` is a connection that was lost and made anew: what was said meanwhile is unknown.
        listener.try_recv().await?;
        *failures = 0;
        shared.work.notify_one();
    }
}
