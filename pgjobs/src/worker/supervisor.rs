//! Starts the loops of a worker for one server, and ends them in order.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, BoxFuture, FutureExt};
use sqlx::PgConnection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

use super::claim::LONGEST_FETCH;
use super::claim_loop::Fetcher;
use super::counts::{End, WorkerReport};
use super::dispatch_loop::dispatch;
use super::open::{self, Opened, Opening, PARTS, START, opening};
use super::register::{refuse_unusable, register};
use super::settle_loop::RUN_AGAIN;
use super::shared::{Inboxes, Shared};
use super::shutdown::Phase;
use super::starts::Starts;
use super::{announce_loop, claim_loop, heartbeat_loop, listen_loop, settle_loop, thread};
use crate::db::connection::DbConnection;
use crate::db::settle::Settlement;
use crate::db::worker;
use crate::task::job::Job;
use crate::types::error::Error;

/// Handlers and the dispatch loop run on the caller's runtime; everything else has separate threads.
pub(super) async fn spawn_parts(
    shared: &Arc<Shared>,
    inboxes: Inboxes,
) -> Result<oneshot::Receiver<WorkerReport>, Error> {
    let (line, waiting) = mpsc::unbounded_channel();
    let (mut opened, [heartbeat, settle, claim]) = openings();
    let heartbeat = thread::spawn("pgjobs heartbeat", {
        let (shared, runtime) = (shared.clone(), Handle::current());
        move || in_span(shared.span(), send_heartbeats(shared, heartbeat, runtime))
    });
    let settle = thread::spawn("pgjobs settle", {
        let shared = shared.clone();
        move || in_span(shared.span(), settle_outcomes(shared, settle, inboxes.outcomes))
    });
    let (heartbeat, settle) = (heartbeat.map_err(no_thread)?, settle.map_err(no_thread)?);
    let parts = Parts {
        dispatch: part(shared, "dispatch", tokio::spawn(dispatch(shared.clone(), waiting))),
        settle: part(shared, settle_loop::PART, settle),
        heartbeat: part(shared, heartbeat_loop::PART, heartbeat),
    };
    let (registered, registers) = oneshot::channel();
    let claiming = Claiming { shared: shared.clone(), line, starts: Starts::new(inboxes.starts), parts };
    let claims = move || in_span(claiming.shared.span(), claiming.work(claim, registered));
    let ended = thread::spawn("pgjobs claim", claims).map_err(no_thread)?;
    open::all(&mut opened).await?;
    let [heartbeat, settle, claim] = opened.map(|part| part.begin);
    let _ = claim.send(());
    registers.await.unwrap_or_else(|_| Err(stopped()))?;
    // From here on nothing awaits: a caller that drops the start before this point gets no worker.
    let _ = (heartbeat.send(()), settle.send(()));
    Ok(ended)
}

/// Runs this in a span, which costs nothing where there is none.
fn in_span<F: Future>(span: Span, loops: F) -> Instrumented<F> {
    loops.instrument(span)
}

fn openings() -> ([Opened; PARTS], [Opening; PARTS]) {
    let [(a, x), (b, y), (c, z)] = [opening(), opening(), opening()];
    ([a, b, c], [x, y, z])
}

fn no_thread(error: io::Error) -> Error {
    Error::Database(sqlx::Error::Io(error))
}

fn stopped() -> Error {
    no_thread(io::Error::other("the worker's thread ended while it started"))
}

async fn send_heartbeats(shared: Arc<Shared>, opening: Opening, runtime: Handle) {
    let mut db = shared.connection(heartbeat_loop::PART, shared.settings.lease / 3);
    if opening.open(&mut db).await {
        heartbeat_loop::keep(shared, db, runtime).await;
    }
}

async fn settle_outcomes(
    shared: Arc<Shared>,
    opening: Opening,
    outcomes: mpsc::UnboundedReceiver<Settlement>,
) {
    let mut db = shared.connection(settle_loop::PART, shared.settings.longest_call());
    if opening.open(&mut db).await {
        settle_loop::settle_loop(shared, db, outcomes).await;
    }
}

/// The thread that claims: it registers the worker, and ends it.
struct Claiming {
    shared: Arc<Shared>,
    line: mpsc::UnboundedSender<Arc<Job>>,
    starts: Starts,
    parts: Parts,
}

impl Claiming {
    async fn work(self, opening: Opening, registered: oneshot::Sender<Result<(), Error>>) -> WorkerReport {
        let shared = self.shared.clone();
        let deadline = shared.settings.longest_call();
        let mut db = shared.connection(claim_loop::PART, deadline).longest(deadline.max(LONGEST_FETCH));
        if !opening.open(&mut db).await {
            return shared.counts.report();
        }
        let register = async |connection: &mut PgConnection| {
            refuse_unusable(connection).await?;
            register(connection, &shared, shared.identity()).await
        };
        let outcome = db.call_within(START, register).await;
        let is_registered = outcome.is_ok();
        let is_wanted = registered.send(outcome).is_ok();
        if is_registered && is_wanted {
            return claim_until_the_end(self, db).await;
        }
        if is_registered {
            let id = shared.identity();
            let _ = db.call(async |connection| worker::unregister(connection, id).await).await;
        }
        shared.counts.report()
    }
}

/// The loops, each as a future that completes when the loop has ended.
struct Parts {
    dispatch: Ended,
    settle: Ended,
    heartbeat: Ended,
}

type Ended = future::Shared<BoxFuture<'static, ()>>;

fn part<E: Display + Send>(
    shared: &Arc<Shared>,
    name: &'static str,
    ended: impl Future<Output = Result<(), E>> + Send + 'static,
) -> Ended {
    let shared = shared.clone();
    let ended = async move {
        if let Err(error) = ended.await {
            shared.counts.ends(End::Broken);
            tracing::error!(%error, "{name} ended abnormally");
        }
    };
    ended.boxed().shared()
}

/// How long the settle loop may take to give up the outcomes that it still has.
const LAYS_DOWN: Duration = Duration::from_secs(5);
/// How long a loop may take to end once nothing keeps it: it may wait for a database that does not answer,
/// and a worker that was asked to stop has to end all the same.
const PART_ENDS: Duration = Duration::from_secs(15);

/// Runs the worker, and ends it in order: no more claims, queued jobs released, running jobs finished or
/// released, the last outcomes sent, the worker unregistered.
async fn claim_until_the_end(claiming: Claiming, db: DbConnection) -> WorkerReport {
    let Claiming { shared, line, starts, parts } = claiming;
    // If anything fails from here on, the heartbeat loop must not keep the lease without the other loops.
    let _leaving = Leaving(shared.clone());
    let listen = || tokio::spawn(listen_loop::listen(shared.clone()).in_current_span());
    let listening = shared.settings.listen.then(listen);
    // The listen loop tells it that there is anything to do.
    tokio::spawn(announce_loop::announce(shared.clone()).in_current_span());
    let fetcher = Fetcher::new(shared.clone(), db, line, starts);
    let claims = tokio::spawn(claim_loop::fetch(fetcher).in_current_span());
    let claims = part(&shared, claim_loop::PART, claims);
    until_it_ends(&shared, &parts, &claims).await;
    if let Some(listening) = listening {
        listening.abort(); // nothing else uses its connection, so nothing is left half-done
        note_panic(&shared, "listen", listening).await;
    }
    let runs_end = async {
        claims.await;
        parts.dispatch.await;
        runs_ended(&shared).await;
    };
    await_runs(&shared, runs_end).await;
    shared.release_all();
    shared.stop.advance(Phase::Closing);
    send_last_outcomes(&shared, parts.settle).await;
    shared.stop.advance(Phase::Leaving);
    let _ = timeout(PART_ENDS, parts.heartbeat).await;
    shared.team.left(shared.place);
    let report = shared.counts.report();
    tracing::info!(?report, "the worker has ended");
    report
}

/// Gives the runs their grace, or releases them when a command says so.
async fn await_runs(shared: &Shared, runs_end: impl Future<Output = ()>) {
    let mut runs_end = std::pin::pin!(timeout(shared.settings.grace, runs_end));
    tokio::select! {
        biased;
        _ = &mut runs_end => return,
        () = shared.stop.reached(Phase::HandingBack) => {}
    }
    shared.release_all();
    let _ = timeout(PART_ENDS, runs_end).await;
}

/// Waits for the settle loop, which ends when the database has every outcome, or when no time is left.
async fn send_last_outcomes(shared: &Shared, settle: Ended) {
    if timeout(PART_ENDS, settle.clone()).await.is_ok() {
        return;
    }
    shared.stop.advance(Phase::Late);
    if timeout(LAYS_DOWN, settle).await.is_err() {
        // The loop is blocked, with the outcomes that it still has.
        tracing::error!("{} outcomes did not reach the database; {RUN_AGAIN}", shared.counts.unsettled_all());
    }
}

/// Waits until the worker is asked to stop, or something is gone without which it cannot work.
async fn until_it_ends(shared: &Shared, parts: &Parts, claims: &Ended) {
    tokio::select! {
        biased;
        () = shared.stop.reached(Phase::Draining) => {}
        () = shared.hosts.pool().close_event() => {
            tracing::warn!("the pool of the tasks was closed; the worker ends");
        }
        () = one_of(parts, claims) => {
            // A burst that ends by itself ends the claim loop as well, and this branch may run first.
            if !shared.stop.is_draining() {
                shared.counts.ends(End::Broken);
                tracing::error!("a part of the worker ended abnormally; the worker ends");
            }
        }
    }
    shared.stop.advance(Phase::Draining);
}

/// Waits until one of the loops ends. A loop that ends while the worker works has panicked, or its runtime is
/// gone; the others would wait for it for ever.
async fn one_of(parts: &Parts, claims: &Ended) {
    tokio::select! {
        () = claims.clone() => {}
        () = parts.dispatch.clone() => {}
        () = parts.settle.clone() => {}
        () = parts.heartbeat.clone() => {}
    }
}

/// Logs whether a loop that was aborted had panicked before.
async fn note_panic(shared: &Shared, name: &'static str, part: JoinHandle<()>) {
    if let Err(error) = part.await
        && error.is_panic()
    {
        shared.counts.ends(End::Broken);
        tracing::error!(%error, "{name} ended abnormally");
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
