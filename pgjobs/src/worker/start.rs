//! Starting the parts of a worker, and ending them in order.

use std::fmt::Display;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{self, BoxFuture, FutureExt};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::builder::Worker;
use super::dispatch::dispatch;
use super::fetch::{fetch, registration};
use super::settle::settle_loop;
use super::shared::{Report, Settings, Shared};
use super::stop::{Phase, Stopper};
use super::{lease, listen, thread};
use crate::error::Error;
use crate::job::Job;
use crate::sql::servers::Servers;
use crate::sql::settle::Settlement;
use crate::sql::{pooler, worker};

/// A worker that runs in the background.
///
/// Dropping it stops claiming but waits for nothing; call [`shutdown`](WorkerHandle::shutdown) to
/// end it in order.
pub struct WorkerHandle {
    shared: Arc<Shared>,
    ended: oneshot::Receiver<Report>,
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
            Err(_) => self.shared.counts.report(), // its thread panicked, and said so
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
    let servers = Servers::new(worker.pool, &worker.fallbacks);
    let (shared, verdicts) = Shared::new(servers, settings, registry, worker.state, worker.hooks);
    let servers = shared.servers.named("pooler?");
    pooler::refuse_transaction_pooling(&servers, shared.settings.lease).await?;
    register(&shared).await?;
    let ended = spawn_parts(&shared, verdicts).map_err(|e| Error::Database(sqlx::Error::Io(e)))?;
    Ok(WorkerHandle { shared, ended })
}

/// Registers tasks and worker; also the check that the database can be used at all.
async fn register(shared: &Shared) -> Result<(), Error> {
    let mut link = shared.link("start", shared.settings.lease);
    let tasks: Vec<_> = shared.registry.tasks().iter().map(|def| def.describe()).collect();
    let register = async |connection: &mut PgConnection| {
        worker::register_tasks(connection, &tasks).await?;
        worker::register(connection, &registration(shared, shared.identity())).await
    };
    link.call(register).await?;
    link.close().await;
    tracing::info!(worker = %shared.identity(), tasks = ?shared.settings.names, slots = shared.settings.slots, "working");
    Ok(())
}

/// The handlers' runtime is the caller's; all else has threads of its own.
fn spawn_parts(
    shared: &Arc<Shared>,
    verdicts: mpsc::UnboundedReceiver<Settlement>,
) -> io::Result<oneshot::Receiver<Report>> {
    // Whatever fails from here on, the lease must not live on without the rest.
    let leaving = Leaving(shared.clone());
    let (line, waiting) = mpsc::unbounded_channel();
    let lease = thread::spawn("pgjobs lease", {
        let shared = shared.clone();
        move || lease::keep(shared)
    })?;
    let settle = thread::spawn("pgjobs settle", {
        let shared = shared.clone();
        move || settle_loop(shared, verdicts)
    })?;
    let dispatch = tokio::spawn(dispatch(shared.clone(), waiting));
    let parts = Parts {
        dispatch: part("dispatch", dispatch),
        settle: part("settle", settle),
        lease: part("lease", lease),
    };
    thread::spawn("pgjobs claim", move || claim_until_the_end(leaving, line, parts))
}

/// The parts, each as the moment when it has ended.
struct Parts {
    dispatch: Ended,
    settle: Ended,
    lease: Ended,
}

type Ended = future::Shared<BoxFuture<'static, ()>>;

fn part<E: Display + Send>(
    name: &'static str,
    ended: impl Future<Output = Result<(), E>> + Send + 'static,
) -> Ended {
    let ended = async move {
        if let Err(error) = ended.await {
            tracing::error!(%error, "{name} ended abnormally");
        }
    };
    ended.boxed().shared()
}

/// How long a part may take to end once nothing holds it back: it may wait for a database that does
/// not answer, and a worker that was asked to end has to end all the same.
const PART_ENDS: Duration = Duration::from_secs(15);

/// The worker's life, and its end in order: no more claims, the line handed back, running jobs finished
/// or handed back, the last verdicts sent, the worker unregistered.
async fn claim_until_the_end(
    leaving: Leaving,
    line: mpsc::UnboundedSender<Arc<Job>>,
    parts: Parts,
) -> Report {
    let shared = leaving.0.clone();
    let listening = shared.settings.listen.then(|| tokio::spawn(listen::listen(shared.clone())));
    tokio::spawn(fetch(shared.clone(), line));
    tokio::select! {
        biased; // a burst that has ended by itself has ended its dispatcher as well
        () = shared.stop.reached(Phase::Draining) => {}
        () = one_of(&parts) => {
            tracing::error!("a part of the worker ended abnormally; the worker ends");
            shared.stop.advance(Phase::Draining);
        }
    }
    if let Some(listening) = listening {
        listening.abort(); // its connection is its own, so nothing is left half-way
    }
    let _ = timeout(shared.settings.grace, async {
        parts.dispatch.await;
        runs_ended(&shared).await;
    })
    .await;
    shared.release_all();
    shared.stop.advance(Phase::Closing);
    let _ = timeout(PART_ENDS, parts.settle).await;
    shared.stop.advance(Phase::Leaving);
    let _ = timeout(PART_ENDS, parts.lease).await;
    shared.counts.report()
}

/// A part that ends while the worker works has panicked, or its runtime has gone; the others would
/// wait for it for ever.
async fn one_of(parts: &Parts) {
    tokio::select! {
        () = parts.dispatch.clone() => {}
        () = parts.settle.clone() => {}
        () = parts.lease.clone() => {}
    }
}

struct Leaving(Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.stop.advance(Phase::Leaving);
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
