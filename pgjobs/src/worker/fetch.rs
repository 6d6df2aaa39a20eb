//! The claim loop: when to ask for work, and how much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::pace::Pace;
use super::shared::Shared;
use super::stop::Phase;
use crate::error::Error;
use crate::job::Job;
use crate::sql::claim::{self, Claim};
use crate::sql::link::Link;
use crate::sql::worker::{self, Registration};

/// Claims until the worker stops; dropping `line` then tells the dispatcher that no more will come.
pub(super) async fn fetch(shared: Arc<Shared>, mut link: Link, line: mpsc::UnboundedSender<Arc<Job>>) {
    let mut pace = Pace::new(shared.settings.slots, shared.settings.poll, Instant::now());
    while !shared.stop.is_draining() {
        let outcome = match next_step(&shared, &mut pace).await {
            Step::Stop => break,
            Step::RegisterAnew => register_anew(&shared, &mut link).await,
            Step::Claim(room) => claim_and_start(&shared, &mut link, &mut pace, room, &line).await,
        };
        if let Err(error) = outcome {
            recover(&shared, &link, &error).await;
        }
    }
    link.close().await;
}

enum Step {
    Claim(usize),
    RegisterAnew,
    Stop,
}

/// Waits until there is something to do.
async fn next_step(shared: &Shared, pace: &mut Pace) -> Step {
    loop {
        let woken = shared.room.notified();
        if shared.stop.is_draining() {
            return Step::Stop;
        }
        if shared.is_lost() {
            return Step::RegisterAnew;
        }
        match pace.want(shared.counts.load(), Instant::now()) {
            0 => tokio::select! { () = woken => {}, () = shared.stop.reached(Phase::Draining) => {} },
            room => return Step::Claim(room),
        }
    }
}

async fn claim_and_start(
    shared: &Shared,
    link: &mut Link,
    pace: &mut Pace,
    room: usize,
    line: &mpsc::UnboundedSender<Arc<Job>>,
) -> Result<(), Error> {
    // Before the look: a verdict that arrives after it may have brought new work with it.
    let idle = shared.counts.open() == 0;
    let jobs = claim_some(shared, link, room).await?;
    match pace.rest(jobs.len()) {
        None => put_in_line(shared, jobs, line),
        Some(_) if shared.settings.burst && idle => shared.stop.advance(Phase::Draining),
        Some(pause) => rest(shared, pause).await,
    }
    Ok(())
}

async fn claim_some(shared: &Shared, link: &mut Link, room: usize) -> Result<Vec<Arc<Job>>, Error> {
    let claimed = Instant::now();
    let claim = Claim {
        worker: shared.identity(),
        tasks: &shared.settings.names,
        num: i32::try_from(room).unwrap_or(i32::MAX),
        grace: shared.settings.lease,
        sleep: shared.settings.listen.then_some(shared.settings.poll + Duration::from_millis(200)),
    };
    let jobs = match link.get().await {
        Ok(connection) => claim::claim(connection, &claim).await,
        Err(error) => Err(error),
    };
    link.note(&jobs);
    let jobs: Vec<Arc<Job>> = jobs?.into_iter().map(|claimed| Arc::new(Job::new(claimed))).collect();
    shared.held.claim(&jobs, claimed);
    shared.counts.claimed(jobs.len());
    Ok(jobs)
}

fn put_in_line(shared: &Shared, jobs: Vec<Arc<Job>>, line: &mpsc::UnboundedSender<Arc<Job>>) {
    tracing::debug!(jobs = jobs.len(), load = ?shared.counts.load(), "claimed");
    for job in jobs {
        // The dispatcher ends only after this loop has dropped the line.
        let _ = line.send(job);
    }
}

async fn rest(shared: &Shared, pause: Duration) {
    let woken = shared.work.notified();
    tokio::select! {
        () = woken => {}
        () = tokio::time::sleep(pause) => {}
        () = shared.stop.reached(Phase::Draining) => {}
    }
}

async fn recover(shared: &Shared, link: &Link, error: &Error) {
    if matches!(error, Error::Refused { code, .. } if code == "PT410") {
        return shared.declare_lost();
    }
    let delay = link.retry_delay();
    tracing::warn!(%error, retry_in = ?delay, "claiming failed");
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = shared.stop.reached(Phase::Draining) => {}
    }
}

/// After the database declared this worker dead: what it held runs elsewhere, so stop it here,
/// and go on under a new name.
async fn register_anew(shared: &Shared, link: &mut Link) -> Result<(), Error> {
    tracing::warn!("the lease of this worker was lost; its jobs are stopped here and run elsewhere");
    shared.forget_all();
    let id = uuid::Uuid::now_v7();
    let registered = match link.get().await {
        Ok(connection) => worker::register(connection, &registration(shared, id)).await,
        Err(error) => Err(error),
    };
    link.note(&registered);
    registered.map(|()| shared.adopt_identity(id))
}

pub(super) fn registration(shared: &Shared, id: uuid::Uuid) -> Registration<'_> {
    Registration {
        id,
        host: super::start::host(),
        topics: &shared.settings.topics,
        tasks: &shared.settings.names,
        slots: i32::try_from(shared.settings.slots).unwrap_or(i32::MAX),
        lease: shared.settings.lease,
    }
}
