//! The claim loop: does what [`claims`](super::decide::claims) decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::decide::claims::{Claims, Step, Unanswered};
use super::decide::marks::Marks;
use super::decide::pace::Pace;
use super::shared::Shared;
use super::stop::Phase;
use crate::error::Error;
use crate::job::Job;
use crate::sql::claim::{self, Claim};
use crate::sql::link::{self, Link};
use crate::sql::worker::{self, Registration};

/// Claims until the worker stops; dropping `line` then tells the dispatcher that no more will come.
pub(super) async fn fetch(shared: Arc<Shared>, line: mpsc::UnboundedSender<Arc<Job>>) {
    let mut fetcher = Fetcher::new(shared.clone(), line);
    loop {
        let woken = shared.room.notified();
        let outcome = match fetcher.claims.next(shared.view(), Instant::now()) {
            Step::Claim { room, sleeps } => fetcher.claim_and_start(room, sleeps).await,
            Step::AwaitRoom => unless_draining(&shared, woken).await,
            Step::Rest(pause) => unless_draining(&shared, rest(&shared, pause)).await,
            Step::GiveBack(claim) => fetcher.give_back(claim).await,
            Step::Compare => fetcher.compare().await,
            Step::RegisterAnew => fetcher.register_anew().await,
            Step::EndBurst => {
                shared.stop.advance(Phase::Draining);
                Ok(())
            }
            Step::Stop => break,
        };
        if let Err(error) = outcome {
            fetcher.recover(&error).await;
        }
    }
    fetcher.link.close().await;
}

struct Fetcher {
    shared: Arc<Shared>,
    link: Link,
    line: mpsc::UnboundedSender<Arc<Job>>,
    claims: Claims,
    marks: Marks,
}

impl Fetcher {
    fn new(shared: Arc<Shared>, line: mpsc::UnboundedSender<Arc<Job>>) -> Self {
        let settings = &shared.settings;
        let pace = Pace::new(settings.slots, settings.poll, Instant::now());
        let claims = Claims::new(pace, settings.listen, settings.burst);
        let link = shared.link("claim", settings.lease);
        Fetcher { shared, link, line, claims, marks: Marks::new(Instant::now()) }
    }

    async fn claim_and_start(&mut self, room: usize, sleeps: bool) -> Result<(), Error> {
        let jobs = self.claim(room, sleeps).await?;
        self.claims.claimed(room, jobs.len());
        self.put_in_line(jobs);
        Ok(())
    }

    async fn claim(&mut self, room: usize, sleeps: bool) -> Result<Vec<Arc<Job>>, Error> {
        let asked = Instant::now();
        let shared = self.shared.clone();
        // A burst ends when nothing is left anywhere, so it looks everywhere.
        let marks = if shared.settings.burst { Vec::new() } else { self.marks.for_claim(asked) };
        let claim = Claim {
            worker: shared.identity(),
            tasks: &shared.settings.names,
            num: i32::try_from(room).unwrap_or(i32::MAX),
            lease: Uuid::new_v4(),
            margin: shared.settings.lease,
            sleep: sleeps.then_some(shared.settings.poll + Duration::from_millis(200)),
            alone: &shared.settings.alone,
            marks: &marks,
        };
        let haul = self.link.call(async |connection| claim::claim(connection, &claim).await).await;
        if haul.as_ref().is_err_and(link::is_unanswered) {
            self.claims.unanswered(Unanswered { worker: claim.worker, lease: claim.lease });
        }
        let haul = haul?;
        self.marks.saw(&marks, &haul, asked.elapsed(), Instant::now());
        let jobs: Vec<Arc<Job>> = haul.jobs.into_iter().map(|claimed| Arc::new(Job::new(claimed))).collect();
        shared.held.claim(&jobs, asked);
        shared.counts.claimed(jobs.len());
        Ok(jobs)
    }

    /// The server may have handed out jobs without our hearing of it.
    async fn give_back(&mut self, claim: Unanswered) -> Result<(), Error> {
        let unclaim =
            async |connection: &mut PgConnection| claim::unclaim(connection, claim.worker, claim.lease).await;
        let jobs = self.link.call(unclaim).await?;
        tracing::info!(jobs, "gave back what an unanswered claim had taken");
        self.claims.gave_back(claim);
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
        let _ = unless_draining(&self.shared, tokio::time::sleep(delay)).await;
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
    tokio::select! {
        () = shared.work.notified() => {}
        () = tokio::time::sleep(pause) => {}
    }
}

async fn unless_draining(shared: &Shared, wait: impl Future<Output = ()>) -> Result<(), Error> {
    tokio::select! { () = wait => {}, () = shared.stop.reached(Phase::Draining) => {} }
    Ok(())
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
