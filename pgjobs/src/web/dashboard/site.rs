//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::timeout;

use super::attempts::Attempts;
use super::gate::Gate;
use super::sessions::Sessions;
use super::snapshot::{Snapshot, Snapshots};
use crate::db::standby::caught_up;
use crate::types::error::Error;

/// How long the page after a change waits for a standby to show it.
const REPLAY: Duration = Duration::from_secs(2);

/// One dashboard.
pub(super) struct Site {
    /// Of the primary.
    pub(super) pool: PgPool,
    /// Of the standby from which pages are read, if any.
    pub(super) standby: Option<PgPool>,
    pub(super) name: String,
    pub(super) gate: Gate,
    pub(super) sessions: Sessions,
    pub(super) attempts: Attempts,
    pub(super) snapshots: Snapshots,
    /// The path under which browsers see it, where it was given.
    pub(super) path: Option<String>,
}

impl Site {
    pub(super) fn new(
        pool: PgPool,
        standby: Option<PgPool>,
        name: String,
        gate: Gate,
        path: Option<String>,
    ) -> Arc<Self> {
        let (sessions, attempts, snapshots) = Default::default();
        Arc::new(Site { pool, standby, name, gate, sessions, attempts, snapshots, path })
    }

    /// What pages are read from.
    pub(super) fn reads(&self) -> &PgPool {
        self.standby.as_ref().unwrap_or(&self.pool)
    }

    /// The snapshot of this second.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        self.snapshots.get(self.reads(), self.standby.is_some()).await
    }

    /// After a change: has the next page show it. A standby that needs longer than two seconds for it, or a primary that
    /// does not answer, leaves a page that is older, and says so.
    pub(super) async fn changed(&self) {
        if let Some(standby) = &self.standby {
            let shown = timeout(REPLAY, caught_up(&self.pool, standby, REPLAY)).await;
            tracing::debug!(?shown, "whether the standby shows what was changed");
        }
        self.snapshots.expire().await;
    }

    /// A path of the dashboard as the browser asks for it. A nested router does not answer at its own path
    /// with a slash behind it, so the start page has none there; behind a proxy it has one.
    pub(super) fn under(&self, base: &str, path: &str) -> String {
        let is_nested = self.path.is_none() && !base.is_empty();
        let start = path.strip_prefix('/').filter(|rest| rest.is_empty() || rest.starts_with(['?', '#']));
        format!("{base}{}", start.filter(|_| is_nested).unwrap_or(path))
    }
}
