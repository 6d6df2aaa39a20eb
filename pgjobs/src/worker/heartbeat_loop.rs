//! The heartbeat loop: keeps the worker's row in the database alive, from a separate thread.
//!
//! *The problem.* The jobs of a worker that dies must be requeued within seconds, and a worker that lives
//! must keep its jobs, however busy it is. A heartbeat that runs on the handlers' runtime stops when a
//! handler blocks all its threads, and then every job of a healthy worker runs twice.
//!
//! *So* a separate thread with a separate connection sends three heartbeats in each lease. One heartbeat is
//! one update of one row, however many jobs are in flight: their leases depend on the worker's. (Batches are
//! updated beside it only where runs began late, or after they were prefetched.) The same
//! thread sweeps for all workers: it asks the database to requeue what has expired at any of them, each
//! second while there are few workers, less often when there are many.
//!
//! *When it fails.* If the database cannot be reached, the loop tries again until it can. Only the database
//! knows whether it declared the worker dead meanwhile: a heartbeat that finds no row, or one with
//! `lost_at`, sets `lost`, and the claim loop stops everything that ran under the old identity and registers a new one. Handlers that ran
//! on in between cannot harm their jobs: their outcomes carry the old leases, and the database rejects them.
//! A process that was stopped and resumed takes the same path.
//!
//! *After an outage* every worker's row is old, and the first worker to reconnect would declare all the
//! others dead. So a loop whose calls failed, or whose process was suspended, does not sweep for one lease.
//! (It still promotes due jobs.)
//!
//! *A runtime that does not run its jobs.* This thread would also keep the lease of a worker whose handlers
//! block every thread of the user's runtime, or whose runtime nobody drives any more. So it watches the
//! runtime as well: when an empty task has not run for a whole lease, the worker releases the jobs that have
//! not begun and claims no more until the task runs. Jobs that have begun end with their timeout and their
//! lease.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::runtime::Handle;
use tracing::Instrument;

use super::carry_out::carry_out;
use super::commands::ToSend;
use super::outage::{Call, in_seconds, words};
use super::policy::heartbeats::{Beats, RETAIN, TICK};
use super::policy::stalled_prefetch::Ahead;
use super::progress::Sending;
use super::shared::Shared;
use super::shutdown::Phase;
use crate::db::beat::{self, Report, Status};
use crate::db::connection::DbConnection;
use crate::db::refusal::is_outage;
use crate::db::worker;
use crate::types::error::Error;
use pulse::RuntimePulse;

/// The name of this loop in the log and of its connection.
pub(super) const PART: &str = "heartbeat";

/// Sends heartbeats, sweeps and promotes until the worker leaves; then unregisters it.
pub(super) async fn keep(shared: Arc<Shared>, mut db: DbConnection, runtime: Handle) {
    let mut beats = Beats::new(shared.settings.lease, Instant::now());
    let mut pulse = RuntimePulse::new(runtime, shared.settings.lease);
    let mut ahead = Ahead::new(Instant::now());
    let mut partitions = tokio::spawn(maintain_partitions(shared.clone()).in_current_span());
    shared.turns.turned();
    let (mut more, mut maintained, mut counted) = (true, None, None); // due jobs do not wait for the first tick
    // `Leaving` follows the last outcome, because settling needs the lease.
    while !has_left(&shared, if more { Duration::ZERO } else { beats.wait(shared.asks(), Instant::now()) })
        .await
    {
        shared.turns.turned();
        if beats.beat_is_due(shared.asks(), Instant::now()) {
            beats.has_beaten(beat(&mut db, &shared).await, Instant::now());
        }
        if !beats.round_is_due(Instant::now()) && !more {
            continue;
        }
        pulse.feel(&shared);
        shared.team.show_slots();
        shared.meters.show(shared.counts.load());
        shared.meters.outages(shared.outage.began());
        if ahead.waits_too_long(shared.counts.load(), Instant::now()) {
            release_stalled(&shared);
        }
        more = requeue(&mut db, &shared, &mut beats, &mut maintained, more).await;
        if is_over(counted, shared.peers.count_pause()) {
            count_peers(&mut db, &shared).await;
            counted = Some(Instant::now());
        }
        if beats.partitions_are_due(partitions.is_finished(), Instant::now()) {
            partitions = tokio::spawn(self::maintain_partitions(shared.clone()).in_current_span());
        }
    }
    if !shared.has_died() {
        take_leave(&mut db, &shared).await;
    }
    db.close().await;
}

/// Says what became of the last commands, and that the worker leaves.
async fn take_leave(db: &mut DbConnection, shared: &Arc<Shared>) {
    if shared.asks().at_once {
        beat(db, shared).await;
    }
    let id = shared.identity();
    if let Err(error) = db.call(async |connection| worker::unregister(connection, id).await).await {
        tracing::warn!(error = words(&error), "the worker could not take its leave; its lease runs out");
    }
}

fn is_over(since: Option<Instant>, pause: Duration) -> bool {
    since.is_none_or(|since| since.elapsed() + TICK / 10 >= pause)
}

/// Pauses, until something may ask for a beat; returns whether the worker leaves.
async fn has_left(shared: &Shared, pause: Duration) -> bool {
    tokio::select! {
        biased;
        () = shared.stop.reached(Phase::Leaving) => true,
        () = tokio::time::sleep(pause) => false,
        () = shared.commands.asked.notified() => false,
        () = shared.outbox.filled.notified() => false,
    }
}

/// Releases jobs that wait here behind long runs: other workers may have free slots for them.
fn release_stalled(shared: &Shared) {
    let jobs = shared.release(shared.in_flight.stop_waiting());
    if jobs > 0 {
        tracing::debug!(jobs, "released: they waited behind runs that take long");
    }
}

/// Says that the worker lives, reports, and carries out the commands that wait.
async fn beat(db: &mut DbConnection, shared: &Arc<Shared>) -> bool {
    let (id, to_send) = (shared.identity(), shared.commands.to_send());
    let said = Sending::take(shared);
    let report = Report { progress: said.json(), ..report(shared, &to_send) };
    shared.commands.looks();
    let asked_at = Instant::now();
    let beat = async |connection: &mut PgConnection| beat::beat(connection, id, &report).await;
    let heard = db.call(beat).await;
    let Some(heard) = note(shared, db, Call::Heartbeat, heard) else {
        said.failed(shared);
        shared.meters.missed_beat();
        shared.commands.announce(); // what was announced has not been read
        return false;
    };
    if !heard.alive {
        shared.declare_lost(id);
        return true;
    }
    shared.announcing.wrote(said.arrived());
    shared.in_flight.were_told(&report.told);
    shared.commands.were_sent(&to_send);
    shared.commands.are_announced(!heard.polls);
    // It may be another server, which never received some outcomes and keeps the leases of those runs alive.
    if db.is_reconnected() {
        shared.request_reconcile();
    }
    heard.commands.into_iter().for_each(|command| carry_out(shared, command, asked_at));
    true
}

fn report(shared: &Shared, to_send: &ToSend) -> Report {
    let mut told = shared.in_flight.to_tell(TICK);
    if shared.is_stuck() {
        told.late.clear(); // jobs on a stuck runtime get no more time than they had
    }
    let status = Status { paused: shared.is_paused(), slots: shared.slots.number() };
    Report {
        told,
        progress: None,
        receipts: to_send.receipts.clone(),
        status: to_send.change.map(|_| status),
    }
}

/// Sweeps and promotes when it is time, or when there was `more` to do; returns whether there is more.
///
/// Not in a burst, whose claim loop does it before it ends the burst: what this loop has locked meanwhile would be
/// hidden from it, and the burst would end with jobs left.
async fn requeue(
    db: &mut DbConnection,
    shared: &Arc<Shared>,
    beats: &mut Beats,
    maintained: &mut Option<Instant>,
    more: bool,
) -> bool {
    if shared.settings.burst {
        return false;
    }
    if !beats.sweep_is_due(Instant::now()) {
        let promoted = promote(db, shared).await;
        beats.has_swept(promoted.is_some(), Instant::now());
        return promoted.unwrap_or(false);
    }
    if !more && !is_over(*maintained, shared.peers.maintain_pause(fastrand::f64())) {
        return false;
    }
    let outcome = maintain(db, shared).await;
    beats.has_swept(outcome.is_some(), Instant::now());
    *maintained = Some(Instant::now());
    outcome.unwrap_or(false)
}

/// Sweeps and promotes; returns whether there is more to do, `None` when it failed.
async fn maintain(db: &mut DbConnection, shared: &Arc<Shared>) -> Option<bool> {
    let maintained = db.call(async |connection| worker::maintain(connection).await).await;
    let maintained = note(shared, db, Call::Maintain, maintained)?;
    wake_when_due(shared, maintained.next);
    Some(maintained.more)
}

async fn count_peers(db: &mut DbConnection, shared: &Arc<Shared>) {
    let id = shared.identity();
    let counted = db.call(async |connection| worker::count(connection, id).await).await;
    if let Some((alive, idle)) = note(shared, db, Call::Count, counted) {
        shared.peers.counted(alive, idle);
    }
}

/// Promotes due jobs and does not sweep; returns whether there are more, `None` when it failed.
async fn promote(db: &mut DbConnection, shared: &Arc<Shared>) -> Option<bool> {
    let more = db.call(async |connection| worker::promote(connection).await).await;
    note(shared, db, Call::Promote, more)
}

fn note<T>(shared: &Shared, db: &DbConnection, call: Call, outcome: Result<T, Error>) -> Option<T> {
    match &outcome {
        Ok(_) => shared.outage.went_well(PART, call),
        Err(error) => shared.outage.failed(PART, call, error, db.opened()),
    }
    outcome.ok()
}

/// Maintains the partitions of the history: at the start, for workers that do not live long, and then
/// periodically. It may wait for locks, so it has a separate connection.
async fn maintain_partitions(shared: Arc<Shared>) {
    let mut db = shared.connection("maintain_partitions", RETAIN / 10);
    if let Err(error) = db.call(async |connection| worker::maintain_partitions(connection).await).await {
        if is_outage(&error) {
            tracing::debug!(%error, "retention failed"); // the other loops log it
            return;
        }
        tracing::warn!(
            error = words(&error),
            "retention failed; it is tried again in {}",
            in_seconds(RETAIN)
        );
    }
    db.close().await;
}

/// Wakes up the claim loop when the next scheduled job comes due.
fn wake_when_due(shared: &Arc<Shared>, next: Option<Duration>) {
    // If it comes due later than this, the next call of `maintain` sees it in time.
    if let Some(next) = next.filter(|next| *next <= shared.peers.maintain_pause(1.0)) {
        let shared = shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(next).await;
            shared.heard.notify_one();
        });
    }
}

mod pulse;
