//! The worker's lease: one row in the database, kept alive from a thread of its own.
//!
//! *The problem.* A worker that dies must lose its jobs within seconds, and one that lives must not
//! lose them, however busy it is. A heartbeat that runs on the runtime of the handlers stops when a
//! handler blocks all its threads, and then every job of a healthy worker runs twice.
//!
//! *So* a thread of its own, with a connection of its own, beats three times in each lease. One beat is one update of one row, however many jobs the worker holds: their leases hang
//! on the worker's. The same thread sweeps for others: each second it asks the database to bring
//! back what has lapsed anywhere.
//!
//! *When it fails.* If the database cannot be reached, beats are tried again until it can. Whether
//! the worker was declared dead meanwhile only the database knows: a beat that finds the row gone
//! sets `lost`, the claim loop stops everything that ran under the old identity and registers a
//! new one. Handlers that ran on in between can do no harm to the job: their verdicts carry the
//! old leases and are refused. A process that was stopped and resumed takes the same path.
//!
//! *After an outage* every worker's row is old, and whoever came back first would declare all the
//! others dead. So a thread that had trouble, or stood still itself, does not sweep for one lease.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::decide::beats::{Beats, RETAIN, TICK};
use super::shared::Shared;
use super::stop::Phase;
use crate::error::Error;
use crate::sql::link::Link;
use crate::sql::worker;

/// Beats and sweeps; ends, and unregisters the worker, when the worker leaves.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut beats = Beats::new(shared.settings.lease, Instant::now());
    let mut link = shared.link("lease", beats.interval());
    let mut retain = tokio::spawn(retain(shared.clone()));
    // Not before the last verdict is in: a worker that has left holds no lease to settle under.
    while tokio::time::timeout(beats.pause(), shared.stop.reached(Phase::Leaving)).await.is_err() {
        if beats.beat_is_due(Instant::now()) {
            beats.has_beaten(heartbeat(&mut link, &shared).await, Instant::now());
        }
        if beats.sweep_is_due(Instant::now()) {
            beats.has_swept(tend(&mut link, &shared).await, Instant::now());
        }
        if beats.retain_is_due(retain.is_finished(), Instant::now()) {
            retain = tokio::spawn(self::retain(shared.clone()));
        }
    }
    let id = shared.identity();
    log("leaving", &link.call(async |connection| worker::unregister(connection, id).await).await);
    link.close().await;
}

async fn heartbeat(link: &mut Link, shared: &Arc<Shared>) -> bool {
    let (id, late) = (shared.identity(), shared.held.late(TICK));
    let beat = async |connection: &mut PgConnection| worker::heartbeat(connection, id, &late).await;
    let alive = link.call(beat).await;
    log("heartbeat", &alive);
    match alive {
        Ok(false) => shared.declare_lost(id),
        // It may be another server, which keeps leases alive whose verdicts it never received.
        Ok(true) if link.is_new() => shared.doubt(),
        _ => {}
    }
    alive.is_ok()
}

async fn tend(link: &mut Link, shared: &Arc<Shared>) -> bool {
    let next = link.call(async |connection| worker::tend(connection).await).await;
    log("house-keeping", &next);
    wake_when_due(shared, next.as_ref().ok().copied().flatten());
    next.is_ok()
}

/// Keeps the history's partitions in shape: at the start, for workers that do not live long, and
/// then now and then. It may wait for locks, so it has a connection of its own.
async fn retain(shared: Arc<Shared>) {
    let mut link = shared.link("retain", RETAIN / 10);
    log("retention", &link.call(async |connection| worker::retain(connection).await).await);
    link.close().await;
}

fn log<T>(what: &str, outcome: &Result<T, Error>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "{what} failed");
    }
}

/// Wakes the claim loop at the moment when the next scheduled job comes due.
fn wake_when_due(shared: &Arc<Shared>, next: Option<Duration>) {
    if let Some(next) = next.filter(|next| *next <= TICK) {
        let shared = shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(next).await;
            shared.work.notify_one();
        });
    }
}
