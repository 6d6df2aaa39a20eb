//! A look at one of several servers that waits for a bounded time: a task of its own asks the server, and pages show
//! what it said last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::timeout;

use super::failed::Failed;
use super::limit::in_time;
use super::snapshot::{Snapshot, Snapshots};
use crate::db;
use crate::inspect::Draining;

/// The first answer takes longer: connections are opened, and what costs more is read.
const FIRST: Duration = Duration::from_secs(5);

/// What a server said last.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The last snapshot, however old.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// That it gets no new keys.
    pub(super) draining: Option<Draining>,
    /// Why there is no newer snapshot.
    pub(super) trouble: Option<Failed>,
}

/// Asks one server, with one question under way at most, however many people look and however long it takes.
pub(super) struct Glance {
    seen: Arc<watch::Sender<Seen>>,
    is_asking: Arc<AtomicBool>,
}

impl Default for Glance {
    fn default() -> Self {
        Glance { seen: Arc::new(watch::Sender::new(Seen::default())), is_asking: Arc::default() }
    }
}

impl Glance {
    /// What it says now; or what it said last, where it has not answered after so long. `source` is the pool that is
    /// read, and whether it is of a standby.
    pub(super) async fn look(
        &self,
        source: (&PgPool, bool),
        snapshots: &Snapshots,
        patience: Duration,
    ) -> Seen {
        let mut news = self.seen.subscribe();
        if !self.is_asking.swap(true, Ordering::AcqRel) {
            let source = (source.0.clone(), source.1);
            tokio::spawn(ask(self.seen.clone(), self.is_asking.clone(), source, snapshots.clone()));
        }
        let patience = match &*self.seen.borrow() {
            Seen { snapshot: None, trouble: None, .. } => patience.max(FIRST),
            Seen { .. } => patience,
        };
        if timeout(patience, news.changed()).await.is_err() {
            let late = || Failed::Away(format!("no answer within {} s", patience.as_secs()));
            // It is no news: others may wait longer.
            self.seen.send_if_modified(|seen| {
                seen.trouble.get_or_insert_with(late);
                false
            });
        }
        self.last()
    }

    /// What it said last.
    pub(super) fn last(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

/// Asks once.
async fn ask(
    seen: Arc<watch::Sender<Seen>>,
    is_asking: Arc<AtomicBool>,
    (pool, of_standby): (PgPool, bool),
    snapshots: Snapshots,
) {
    // However it ends, or nobody would ask again.
    let ends = Ends(is_asking);
    let read = snapshots.get(&pool, of_standby).await.map_err(Failed::from);
    // Unknown to a schema that is older, which is no trouble.
    let draining = if read.is_ok() { draining(&pool).await.ok().flatten() } else { None };
    drop(ends);
    seen.send_modify(|seen| match read {
        Ok(snapshot) => *seen = Seen { snapshot: Some(snapshot), draining, trouble: None },
        Err(failed) => seen.trouble = Some(failed),
    });
}

async fn draining(pool: &PgPool) -> Result<Option<Draining>, crate::Error> {
    in_time(async {
        let mut tx = db::dashboard::begin_read(pool).await?;
        db::server_state::draining(&mut tx).await
    })
    .await
}

struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
