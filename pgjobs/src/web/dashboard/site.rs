//! What all requests share.

use std::sync::Arc;

use sqlx::PgPool;

use super::attempts::Attempts;
use super::gate::Gate;
use super::sessions::Sessions;
use super::snapshot::Snapshots;

/// One dashboard.
pub(super) struct Site {
    pub(super) pool: PgPool,
    pub(super) name: String,
    pub(super) gate: Gate,
    pub(super) sessions: Sessions,
    pub(super) attempts: Attempts,
    pub(super) snapshots: Snapshots,
    /// The path under which browsers see it, where it was given.
    pub(super) path: Option<String>,
}

impl Site {
    pub(super) fn new(pool: PgPool, name: String, gate: Gate, path: Option<String>) -> Arc<Self> {
        let (sessions, attempts, snapshots) = Default::default();
        Arc::new(Site { pool, name, gate, sessions, attempts, snapshots, path })
    }

    /// A path of the dashboard as the browser asks for it. A nested router does not answer at its own path
    /// with a slash behind it, so the start page has none there; behind a proxy it has one.
    pub(super) fn under(&self, base: &str, path: &str) -> String {
        let is_nested = self.path.is_none() && !base.is_empty();
        let start = path.strip_prefix('/').filter(|rest| rest.is_empty() || rest.starts_with(['?', '#']));
        format!("{base}{}", start.filter(|_| is_nested).unwrap_or(path))
    }
}
