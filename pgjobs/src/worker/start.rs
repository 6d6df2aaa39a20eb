//! Starting the parts of a worker, and ending them in order.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::builder::Worker;
use super::dispatch::dispatch;
use super::fetch::{fetch, registration};
use super::settle::settle_loop;
use super::shared::{Report, Settings, Shared};
use super::stop::{Phase, Stopper};
use super::{lease, listen};
use crate::error::Error;
use crate::sql::link::Link;
use crate::sql::{pooler, worker};

/// A worker that runs in the background.
///
/// Dropping it stops claiming but waits for nothing; call [`shutdown`](WorkerHandle::shutdown) to
/// end it in order.
pub struct WorkerHandle {
    shared: Arc<Shared>,
    ended: JoinHandle<Report>,
}

impl WorkerHandle {
    /// Stops claiming, lets running jobs finish within the grace period, hands back the rest.
    pub async fn shutdown(self) -> Report {
        self.shared.stop.advance(Phase::Draining);
        self.wait().await
    }

    /// Waits until the worker has ended: a burst by itself, another by [`stop`](WorkerHandle::stop).
    pub async fn wait(mut self) -> Report {
        match (&mut self.ended).await {
            Ok(report) => report,
            Err(_) => self.shared.counts.report(), // its runtime is shutting down
        }
    }

    /// Asks it to end and returns at once.
    pub fn stop(&self) {
        self.shared.stop.advance(Phase::Draining);
    }

    /// What it has done so far.
    pub fn report(&self) -> Report {
        self.shared.counts.report()
    }

    pub(super) fn stopper(&self) -> Stopper {
        Stopper(self.shared.clone())
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.shared.stop.advance(Phase::Draining);
    }
}

pub(super) async fn start(worker: Worker) -> Result<WorkerHandle, Error> {
    worker.check()?;
    let registry = worker.registry()?;
    let settings = Settings {
        names: registry.claimable(),
        alone: registry.self_finishing(),
        topics: worker.topics,
        slots: worker.concurrency,
        lease: worker.lease,
        grace: worker.grace,
        poll: worker.poll,
        listen: worker.listen,
        burst: worker.burst,
    };
    let options = sqlx::postgres::PgConnectOptions::clone(&worker.pool.connect_options());
    let (shared, verdicts) = Shared::new(options, settings, registry, worker.state, worker.hooks);
    pooler::refuse_transaction_pooling(&shared.options, shared.settings.lease).await?;
    let claims = register(&shared).await?;
    let lease = lease::spawn(shared.clone()).map_err(|e| Error::Database(sqlx::Error::Io(e)))?;
    let settles = Link::new(shared.options.clone().application_name("pgjobs settle"), shared.settings.lease);
    let settling = tokio::spawn(settle_loop(shared.clone(), settles, verdicts));
    let listening = shared.settings.listen.then(|| tokio::spawn(listen::listen(shared.clone())));
    let (line, waiting) = mpsc::unbounded_channel();
    tokio::spawn(fetch(shared.clone(), claims, line));
    let dispatching = tokio::spawn(dispatch(shared.clone(), waiting));
    let parts = Parts { dispatching, settling, listening, lease };
    let ended = tokio::spawn(end(shared.clone(), parts));
    Ok(WorkerHandle { shared, ended })
}

/// Registers tasks and worker; also the check that the database can be used at all.
async fn register(shared: &Shared) -> Result<Link, Error> {
    let options = shared.options.clone().application_name("pgjobs claim");
    let mut claims = Link::new(options, shared.settings.lease);
    let tasks: Vec<_> = shared.registry.tasks().iter().map(|def| def.describe()).collect();
    let register = async |connection: &mut PgConnection| {
        worker::register_tasks(connection, &tasks).await?;
        worker::register(connection, &registration(shared, shared.identity())).await
    };
    claims.call(register).await?;
    tracing::info!(worker = %shared.identity(), tasks = ?shared.settings.names, slots = shared.settings.slots, "working");
    Ok(claims)
}

struct Parts {
    dispatching: JoinHandle<()>,
    settling: JoinHandle<()>,
    listening: Option<JoinHandle<()>>,
    lease: std::thread::JoinHandle<()>,
}

/// How long a part may take to end once nothing holds it back: it may wait for a database that does
/// not answer, and a worker that was asked to end has to end all the same.
const PART_ENDS: Duration = Duration::from_secs(15);

/// The worker's end, in order: no more claims, the line handed back, running jobs finished or
/// handed back, the last verdicts sent, the worker unregistered.
async fn end(shared: Arc<Shared>, parts: Parts) -> Report {
    // Also when the runtime is dropped under this worker: its lease must not live on without it.
    let _leaving = Leaving(shared.clone());
    tokio::select! {
        () = shared.stop.reached(Phase::Draining) => {}
        () = ended_early(&parts) => {
            tracing::error!("a part of the worker ended abnormally; the worker ends");
            shared.stop.advance(Phase::Draining);
        }
    }
    if let Some(listening) = parts.listening {
        listening.abort(); // its connection is its own, so nothing is left half-way
    }
    let _ = tokio::time::timeout(shared.settings.grace, async {
        join("dispatch", parts.dispatching.await);
        runs_ended(&shared).await;
    })
    .await;
    shared.release_all();
    shared.stop.advance(Phase::Closing);
    if let Ok(ended) = tokio::time::timeout(PART_ENDS, parts.settling).await {
        join("settle", ended);
    }
    shared.stop.advance(Phase::Leaving);
    let _ = tokio::time::timeout(PART_ENDS, thread_ended(&parts.lease)).await;
    shared.counts.report()
}

/// A part that ends while the worker works has panicked; the others would wait for it for ever.
async fn ended_early(parts: &Parts) {
    while !parts.dispatching.is_finished() && !parts.settling.is_finished() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

struct Leaving(Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.stop.advance(Phase::Leaving);
    }
}

/// Looks now and then: joining it would hold a thread of the runtime for as long as it takes.
async fn thread_ended(thread: &std::thread::JoinHandle<()>) {
    while !thread.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn join(part: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "{part} ended abnormally");
    }
}

async fn runs_ended(shared: &Shared) {
    while shared.counts.load().running > 0 {
        shared.room.notified().await;
    }
}

/// The machine's name, for people who look for a worker.
pub(super) fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| {
        let named = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        let asked = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        named.or_else(asked).map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
    })
}
