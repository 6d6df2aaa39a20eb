//! What all requests to one database share.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use sqlx::PgPool;
use tokio::time::timeout;

use super::attempts::Attempts;
use super::failed::Failed;
use super::gate::Gate;
use super::glance::{Glance, Seen};
use super::sessions::Sessions;
use super::snapshot::{Snapshot, Snapshots};
use crate::db::replay::caught_up;

/// How long the page after a change waits for a standby to show it.
const REPLAY: Duration = Duration::from_secs(2);
/// So long a page of one of several servers waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pools of a database.
pub(super) struct Source {
    /// Of the primary.
    pub(super) pool: PgPool,
    /// Of the standby from which pages are read, if any.
    pub(super) standby: Option<PgPool>,
}

/// Who may enter, the same for all servers.
pub(super) struct Entrance {
    pub(super) name: String,
    pub(super) gate: Gate,
    pub(super) sessions: Sessions,
    pub(super) attempts: Attempts,
    /// The path under which browsers see the dashboard, where it was given.
    pub(super) path: Option<String>,
}

/// The pages of one database; or those over several servers.
pub(super) struct Site {
    pub(super) entrance: Arc<Entrance>,
    /// Of the primary.
    pub(super) pool: PgPool,
    /// Of the standby from which pages are read, if any.
    pub(super) standby: Option<PgPool>,
    pub(super) snapshots: Snapshots,
    pub(super) glance: Glance,
    /// Of several servers, the one whose pages these are.
    pub(super) server: Option<String>,
    /// The names of all servers, where there are several.
    pub(super) names: Arc<[String]>,
    /// The servers that these pages are over; empty in the pages of one database.
    pub(super) over: Vec<Arc<Site>>,
}

impl Site {
    /// The pages of a database; `server` is its name where there are several.
    pub(super) fn new(
        entrance: Arc<Entrance>,
        source: Source,
        server: Option<String>,
        names: Arc<[String]>,
    ) -> Arc<Self> {
        let (snapshots, glance) = Default::default();
        let Source { pool, standby } = source;
        Arc::new(Site { entrance, pool, standby, snapshots, glance, server, names, over: Vec::new() })
    }

    /// What pages are read from.
    pub(super) fn reads(&self) -> &PgPool {
        self.standby.as_ref().unwrap_or(&self.pool)
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

    /// The pages over several servers.
    pub(super) fn over(entrance: Arc<Entrance>, pool: PgPool, over: Vec<Arc<Site>>) -> Arc<Self> {
        let names = over.iter().filter_map(|site| site.server.clone()).collect();
        let (snapshots, glance) = Default::default();
        Arc::new(Site { entrance, pool, standby: None, snapshots, glance, server: None, names, over })
    }

    /// What all pages share. One of several servers is waited for a few seconds; pages over all of them need none to
    /// be there, and have the problems of those that answer.
    ///
    /// # Errors
    /// Those of the database; that it does not answer.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, Failed> {
        if !self.over.is_empty() {
            return Ok(self.of_all());
        }
        if self.server.is_none() {
            return Ok(self.snapshots.get(self.reads(), self.standby.is_some()).await?);
        }
        match self.look(PATIENCE).await {
            Seen { trouble: Some(trouble), .. } => Err(trouble),
            Seen { snapshot: Some(snapshot), .. } => Ok(snapshot),
            Seen { .. } => Err(Failed::Away("no answer yet".to_owned())),
        }
    }

    /// What the server says, or said last.
    pub(super) async fn look(&self, patience: Duration) -> Seen {
        self.glance.look((self.reads(), self.standby.is_some()), &self.snapshots, patience).await
    }

    /// The last snapshot that could be read, without waiting for a server that is away.
    pub(super) async fn last(&self) -> Option<Arc<Snapshot>> {
        match (&self.server, self.over.is_empty()) {
            (None, true) => self.snapshots.last().await,
            _ => self.glance.last().snapshot,
        }
    }

    fn of_all(&self) -> Arc<Snapshot> {
        let seen = self.over.iter().map(|site| site.glance.last()).filter(|seen| seen.trouble.is_none());
        let problems = seen.filter_map(|seen| seen.snapshot).flat_map(|of| of.problems.to_vec());
        Arc::new(Snapshot { at: Utc::now(), problems: Arc::new(problems.collect()), ..Snapshot::default() })
    }

    /// A path of these pages as the browser asks for it. A nested router does not answer at its own path
    /// with a slash behind it, so the start page has none there; behind a proxy it has one.
    pub(super) fn under(&self, base: &str, path: &str) -> String {
        let is_nested = self.entrance.path.is_none() && !base.is_empty();
        let start = path.strip_prefix('/').filter(|rest| rest.is_empty() || rest.starts_with(['?', '#']));
        format!("{base}{}", start.filter(|_| is_nested).unwrap_or(path))
    }
}
