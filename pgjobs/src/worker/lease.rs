//! The worker's lease: one row in the database, kept alive from a thread of its own.
//!
//! *The problem.* A worker that dies must lose its jobs within seconds, and one that lives must not
//! lose them, however busy it is. A heartbeat that runs on the runtime of the handlers stops when a
//! handler blocks all its threads, and then every job of a healthy worker runs twice.
//!
//! *So* a plain thread with a small runtime and a connection of its own beats three times in each
//! lease. One beat is one update of one row, however many jobs the worker holds: their leases hang
//! on the worker's. The same thread sweeps for others: each second it asks the database to bring
//! back what has lapsed anywhere.
//!
//! *When it fails.* If the database cannot be reached, beats are tried again until it can. Whether
//! the worker was declared dead meanwhile only the database knows: a beat that finds the row gone
//! sets `lost`, the claim loop stops everything that ran under the old identity and registers a
//! new one. Handlers that ran on in between can do no harm to the job: their verdicts carry the
//! old leases and are refused. A process that was stopped and resumed takes the same path.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::stop::Phase;
use crate::error::Error;
use crate::sql::link::Link;
use crate::sql::worker;

/// Between two rounds of house-keeping.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks at the partitions of the history.
const RETAIN: Duration = Duration::from_secs(600);

/// Starts the thread; it ends, and unregisters the worker, when the worker leaves.
pub(super) fn spawn(shared: Arc<Shared>) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("pgjobs-lease".into()).spawn(move || {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(keep(&shared)),
            Err(error) => {
                tracing::error!(%error, "no runtime for heartbeats; this worker will be declared dead")
            }
        }
    })
}

async fn keep(shared: &Arc<Shared>) {
    let mut link = Link::new(options(shared));
    let (mut beat, mut retained) = (Instant::now(), Instant::now());
    let interval = shared.settings.lease / 3;
    loop {
        let pause = TICK.min(interval);
        // Not before the last verdict is in: a worker that has left holds no lease to settle under.
        if tokio::time::timeout(pause, shared.stop.reached(Phase::Leaving)).await.is_ok() {
            break;
        }
        if beat.elapsed() + pause > interval && attempt(&mut link, shared, Duty::Beat).await {
            beat = Instant::now();
        }
        attempt(&mut link, shared, Duty::Tend).await;
        if retained.elapsed() > RETAIN {
            attempt(&mut link, shared, Duty::Retain).await;
            retained = Instant::now();
        }
    }
    attempt(&mut link, shared, Duty::Leave).await;
    link.close().await;
}

/// The server gives up on a statement of this connection before the lease would suffer.
fn options(shared: &Shared) -> sqlx::postgres::PgConnectOptions {
    let limit = (shared.settings.lease / 3).as_millis().to_string();
    shared.options.clone().application_name("pgjobs lease").options([("statement_timeout", limit)])
}

#[derive(Debug, Clone, Copy)]
enum Duty {
    Beat,
    Tend,
    Retain,
    Leave,
}

async fn attempt(link: &mut Link, shared: &Arc<Shared>, duty: Duty) -> bool {
    let done = perform(link, shared, duty).await;
    link.note(&done);
    if let Err(error) = &done {
        tracing::warn!(%error, ?duty, "house-keeping failed");
    }
    done.is_ok()
}

async fn perform(link: &mut Link, shared: &Arc<Shared>, duty: Duty) -> Result<(), Error> {
    let connection = link.get().await?;
    let id = shared.identity();
    match duty {
        Duty::Beat => {
            let late = shared.held.late(TICK);
            if !worker::heartbeat(connection, id, &late, shared.settings.lease).await? {
                shared.declare_lost();
            }
            Ok(())
        }
        Duty::Tend => {
            let next = worker::tend(connection).await?;
            wake_when_due(shared, next);
            Ok(())
        }
        Duty::Retain => worker::retain(connection).await,
        Duty::Leave => worker::unregister(connection, id).await,
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
