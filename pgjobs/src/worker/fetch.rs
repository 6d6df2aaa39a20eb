//! The claim loop: when to ask for work, and how much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::marks::Marks;
use super::pace::Pace;
use super::shared::Shared;
use super::stop::Phase;
use crate::error::Error;
use crate::job::Job;
use crate::sql::claim::{self, Claim};
use crate::sql::link::{self, Link};
use crate::sql::worker::{self, Registration};

/// Claims until the worker stops; dropping `line` then tells the dispatcher that no more will come.
pub(super) async fn fetch(shared: Arc<Shared>, line: mpsc::UnboundedSender<Arc<Job>>) {
    let link = shared.link("claim", shared.settings.lease);
    let pace = Pace::new(shared.settings.slots, shared.settings.poll, Instant::now());
    let marks = Marks::new(Instant::now());
    let mut fetcher = Fetcher { shared, link, line, pace, marks, ran_dry: false, unanswered: Vec::new() };
    while !fetcher.shared.stop.is_draining() {
        let outcome = match next_step(&fetcher.shared, &mut fetcher.pace).await {
            Step::Stop => break,
            Step::RegisterAnew => fetcher.register_anew().await,
            Step::Compare => fetcher.compare().await,
            Step::Claim(room) => fetcher.claim_and_start(room).await,
        };
        if let Err(error) = outcome {
            fetcher.recover(&error).await;
        }
    }
    // What an unanswered claim took comes back now, or with the end of the lease.
    let _ = fetcher.give_back_unanswered().await;
    fetcher.link.close().await;
}

struct Fetcher {
    shared: Arc<Shared>,
    link: Link,
    line: mpsc::UnboundedSender<Arc<Job>>,
    pace: Pace,
    marks: Marks,
    /// The last claim got less than it asked for: the next may have to sleep.
    ran_dry: bool,
    /// Claims, by worker and lease, of which it is unknown whether they took jobs.
    unanswered: Vec<(Uuid, Uuid)>,
}

enum Step {
    Claim(usize),
    RegisterAnew,
    Compare,
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
        if shared.is_in_doubt() {
            return Step::Compare;
        }
        match pace.want(shared.counts.load(), Instant::now()) {
            0 => tokio::select! { () = woken => {}, () = shared.stop.reached(Phase::Draining) => {} },
            room => return Step::Claim(room),
        }
    }
}

impl Fetcher {
    async fn claim_and_start(&mut self, room: usize) -> Result<(), Error> {
        self.give_back_unanswered().await?;
        // Before the look: a verdict that arrives after it may have brought new work with it.
        let idle = self.shared.counts.open() == 0;
        let says_it_sleeps = self.says_it_sleeps();
        let jobs = self.claim(room).await?;
        let nothing = jobs.is_empty();
        self.ran_dry = claim::ran_dry(room, jobs.len());
        let pause = self.pace.rest(jobs.len(), says_it_sleeps && self.ran_dry);
        self.put_in_line(jobs);
        match pause {
            None => {}
            Some(_) if self.shared.settings.burst && idle && nothing => {
                self.shared.stop.advance(Phase::Draining);
            }
            Some(pause) => rest(&self.shared, pause).await,
        }
        Ok(())
    }

    /// A worker that has all it can do is not going to sleep, so publishers need not wake it.
    fn says_it_sleeps(&self) -> bool {
        self.shared.settings.listen && self.ran_dry
    }

    async fn claim(&mut self, room: usize) -> Result<Vec<Arc<Job>>, Error> {
        let asked = Instant::now();
        let shared = self.shared.clone();
        let sleep = self.says_it_sleeps();
        // A burst ends when nothing is left anywhere, so it looks everywhere.
        let marks = if shared.settings.burst { Vec::new() } else { self.marks.for_claim(asked) };
        let claim = Claim {
            worker: shared.identity(),
            tasks: &shared.settings.names,
            num: i32::try_from(room).unwrap_or(i32::MAX),
            lease: Uuid::new_v4(),
            margin: shared.settings.lease,
            sleep: sleep.then_some(shared.settings.poll + Duration::from_millis(200)),
            alone: &shared.settings.alone,
            marks: &marks,
        };
        let haul = self.link.call(async |connection| claim::claim(connection, &claim).await).await;
        if haul.as_ref().is_err_and(link::is_unanswered) {
            self.unanswered.push((claim.worker, claim.lease));
        }
        let haul = haul?;
        self.marks.saw(&marks, &haul, asked.elapsed(), Instant::now());
        let jobs: Vec<Arc<Job>> = haul.jobs.into_iter().map(|claimed| Arc::new(Job::new(claimed))).collect();
        shared.held.claim(&jobs, asked);
        shared.counts.claimed(jobs.len());
        Ok(jobs)
    }

    /// The server may have handed out jobs without our hearing of it: while this worker lives, nobody
    /// else would get them before they expire.
    async fn give_back_unanswered(&mut self) -> Result<(), Error> {
        while let Some(&(worker, lease)) = self.unanswered.last() {
            let jobs =
                self.link.call(async |connection| claim::unclaim(connection, worker, lease).await).await?;
            tracing::info!(jobs, "gave back what an unanswered claim had taken");
            self.unanswered.pop();
        }
        Ok(())
    }

    fn put_in_line(&self, jobs: Vec<Arc<Job>>) {
        tracing::debug!(jobs = jobs.len(), load = ?self.shared.counts.load(), "claimed");
        for job in jobs {
            // The dispatcher ends only after this loop has dropped the line.
            let _ = self.line.send(job);
        }
    }

    async fn recover(&mut self, error: &Error) {
        if matches!(error, Error::Refused { code, .. } if code == "PT410") {
            return self.shared.declare_lost(self.shared.identity());
        }
        // The next server may be another one, whose line is not as far.
        self.marks = Marks::new(Instant::now());
        let delay = self.link.retry_delay();
        tracing::warn!(%error, retry_in = ?delay, "claiming failed");
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.shared.stop.reached(Phase::Draining) => {}
        }
    }

    /// After the connection broke the database may be one that knows less: runs whose verdicts died with a
    /// primary would stay this worker's for as long as it lives. No claim is under way here, so what the
    /// database has beyond what is held is given back.
    async fn compare(&mut self) -> Result<(), Error> {
        self.shared.end_doubt();
        self.marks = Marks::new(Instant::now());
        let id = self.shared.identity();
        match self.link.call(async |connection| worker::held_by(connection, id).await).await {
            Ok(runs) => match self.shared.disown(runs) {
                0 => {}
                jobs => tracing::warn!(
                    jobs,
                    "the database has runs that this worker does not hold; they are given back"
                ),
            },
            Err(error) => {
                self.shared.doubt();
                return Err(error);
            }
        }
        Ok(())
    }

    /// After the database declared this worker dead: what it held runs elsewhere, so stop it here,
    /// and go on under a new name.
    async fn register_anew(&mut self) -> Result<(), Error> {
        tracing::warn!("the lease of this worker was lost; its jobs are stopped here and run elsewhere");
        self.shared.forget_all();
        let (shared, id) = (self.shared.clone(), Uuid::now_v7());
        let register = async |connection: &mut PgConnection| {
            worker::register(connection, &registration(&shared, id)).await
        };
        self.link.call(register).await?;
        self.shared.adopt_identity(id);
        Ok(())
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

pub(super) fn registration(shared: &Shared, id: Uuid) -> Registration<'_> {
    Registration {
        id,
        host: super::start::host(),
        topics: &shared.settings.topics,
        tasks: &shared.settings.names,
        slots: i32::try_from(shared.settings.slots).unwrap_or(i32::MAX),
        lease: shared.settings.lease,
    }
}
