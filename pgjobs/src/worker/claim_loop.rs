//! The claim loop: does what [`claiming`](super::policy::claiming) decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::claim::Refused;
use super::counts::End;
use super::outage::{self, Call};
use super::policy::claiming::{Claims, PATIENCE, Step, Unconfirmed};
use super::policy::prefetch::Pace;
use super::policy::watermarks::Watermarks;
use super::register::{declare_tasks, register};
use super::rest::rest;
use super::shared::Shared;
use super::shutdown::Phase;
use super::starts::Starts;
use crate::db::claim::Watermark;
use crate::db::connection::DbConnection;
use crate::db::refusal::{is_about_data, is_outage};
use crate::db::session::Session;
use crate::db::{claim, session, worker};
use crate::task::job::Job;
use crate::types::error::Error;

/// The name of this loop in the log and of its connection.
pub(super) const PART: &str = outage::CLAIM;

/// How long a claim loop waits for others before it looks again.
const LOOK: Duration = Duration::from_millis(200);

/// Claims until the worker stops. Dropping `line` then shows the dispatch loop that no more jobs will come.
pub(super) async fn fetch(mut fetcher: Fetcher) {
    let shared = fetcher.shared.clone();
    loop {
        let woken = shared.room.notified();
        let step = shared.team.decide(shared.place, &mut fetcher.claims, shared.view(), Instant::now());
        fetcher.asks = call(step);
        let outcome = match step {
            Step::Claim { want, sleeps, apart } => fetcher.claim_and_start(want, sleeps, apart).await,
            Step::AwaitRoom => fetcher.await_room(woken).await,
            Step::Rest(pause) => fetcher.rest(pause).await,
            Step::ReleaseClaim(claim) => fetcher.release_claim(claim).await,
            Step::FailNext => fetcher.fail_next().await,
            Step::Maintain => fetcher.maintain().await,
            Step::Reconcile => fetcher.reconcile().await,
            Step::Reregister => fetcher.reregister().await,
            Step::SeeOff(session) => fetcher.see_off(session).await,
            Step::EndBurst { sure } => {
                fetcher.end_burst(sure);
                Ok(())
            }
            Step::Stop => break,
        };
        match outcome {
            Ok(()) if asks_nothing(step) => {}
            Ok(()) => shared.outage.went_well(PART, fetcher.asks),
            Err(error) => {
                shared.team.failed(shared.place);
                fetcher.claims.failed(step);
                fetcher.recover(step, &error).await;
            }
        }
    }
    fetcher.db.close().await;
}

pub(super) struct Fetcher {
    pub(super) shared: Arc<Shared>,
    pub(super) db: DbConnection,
    line: mpsc::UnboundedSender<Arc<Job>>,
    starts: Starts,
    pub(super) claims: Claims,
    pub(super) watermarks: Watermarks,
    /// When a notification woke this worker, until its claim: when that is full, it wakes others.
    pub(super) notified: Option<Instant>,
    /// Until when the database has recorded that this worker sleeps; publishers notify it until then.
    pub(super) sleep_recorded: Option<Instant>,
    /// The watermarks of the last claim.
    pub(super) looked_from: Vec<Watermark>,
    /// Why the last claim was refused: the error message of the job that has to fail for it.
    pub(super) refused: Option<Refused>,
    /// The current database call, for the log.
    pub(super) asks: Call,
}

impl Fetcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        db: DbConnection,
        line: mpsc::UnboundedSender<Arc<Job>>,
        starts: Starts,
    ) -> Self {
        let settings = &shared.settings;
        let mut pace = Pace::new(settings.slots, settings.poll, Instant::now());
        if !shared.team.is_alone() {
            pace.among_others();
        }
        let patience = PATIENCE * settings.longest_call();
        let claims = Claims::new(pace, settings.listen, settings.burst, patience);
        let watermarks = Watermarks::new(Instant::now());
        Fetcher {
            shared,
            db,
            line,
            starts,
            claims,
            watermarks,
            notified: None,
            sleep_recorded: None,
            looked_from: Vec::new(),
            refused: None,
            asks: Call::Start,
        }
    }

    pub(super) fn enqueue(&self, jobs: Vec<Arc<Job>>) {
        tracing::debug!(jobs = jobs.len(), load = ?self.shared.counts.load(), "claimed");
        for job in jobs {
            // The dispatch loop ends only after this loop has dropped the sender.
            let _ = self.line.send(job);
        }
    }

    /// Waits for this event, or for the end of the worker; meanwhile reports starting runs to the database.
    async fn wait(&mut self, event: impl Future<Output = ()>) -> Result<(), Error> {
        let mut event = std::pin::pin!(event);
        loop {
            tokio::select! {
                () = &mut event => return Ok(()),
                () = self.shared.stop.reached(Phase::Draining) => return Ok(()),
                () = self.starts.asked() => self.tell_starts().await?,
            }
        }
    }

    /// Waits until a run ends. Beside other servers it looks again after a while: what they asked for may have
    /// become void.
    async fn await_room(&mut self, woken: impl Future<Output = ()>) -> Result<(), Error> {
        if self.shared.team.is_alone() {
            return self.wait(woken).await;
        }
        let look = async { drop(timeout(LOOK, woken).await) };
        self.wait(look).await
    }

    async fn rest(&mut self, pause: Duration) -> Result<(), Error> {
        let (shared, mut notified) = (self.shared.clone(), None);
        let outcome = self.wait(rest(&shared, pause, &mut notified)).await;
        self.notified = notified;
        outcome
    }

    /// Reports starting runs to the database, between two steps: so no run waits for its start longer than a
    /// call takes.
    pub(super) async fn tell_starts(&mut self) -> Result<(), Error> {
        if self.starts.tell(&mut self.db, &self.shared).await? {
            self.shared.outage.went_well(PART, Call::Start);
        }
        Ok(())
    }

    /// Releases the jobs of an unconfirmed claim: the server may have claimed them although no answer came.
    async fn release_claim(&mut self, claim: Unconfirmed) -> Result<(), Error> {
        let release = async |connection: &mut _| claim::release(connection, claim.worker, claim.lease).await;
        match self.db.call(release).await {
            Ok(jobs) => {
                tracing::debug!(jobs, "released the jobs of an unconfirmed claim");
                self.claims.released_claim(claim, Instant::now());
                Ok(())
            }
            Err(error) => {
                if !is_outage(&error) {
                    self.claims.kept(claim, Instant::now());
                }
                Err(error)
            }
        }
    }

    /// Checks whether a session has ended in which a claim of this worker may still run.
    async fn see_off(&mut self, session: Session) -> Result<(), Error> {
        let lives =
            self.db.call(async |connection: &mut _| session::lives(connection, session).await).await?;
        self.claims.saw_off(session, !lives, Instant::now());
        Ok(())
    }

    /// Ends a burst: no job is left, as far as this worker can see.
    fn end_burst(&mut self, sure: bool) {
        if !self.shared.team.found_nothing(self.shared.place) {
            return self.claims.awaits_others(LOOK);
        }
        if !sure {
            let pids = self.claims.under_way();
            self.shared.counts.ends(End::Unfinished);
            tracing::error!(
                ?pids,
                "a claim of this worker has not ended on the server, or cannot be released, and may hold jobs that are \
                 due: the burst ends without them; end that session (select pg_terminate_backend(pid)) and run it again"
            );
        }
        self.shared.stop.advance(Phase::Draining);
    }

    /// Sweeps and promotes until nothing more is to be done.
    async fn maintain(&mut self) -> Result<(), Error> {
        let mut more = true;
        while more && !self.shared.stop.is_draining() {
            more = self.db.call(async |connection| worker::maintain(connection).await).await?.more;
        }
        self.claims.maintained();
        Ok(())
    }

    async fn recover(&mut self, step: Step, error: &Error) {
        self.sleep_recorded = None; // it may not have been
        if matches!(error, Error::Refused { code, .. } if code == "PT410") {
            return self.shared.declare_lost(self.shared.identity());
        }
        // The next server may be another one, whose ready_seq are not as far.
        self.watermarks = Watermarks::new(Instant::now());
        self.shared.outage.failed(PART, self.asks, error, self.db.opened());
        if self.shared.starts_in_vain() {
            self.starts.refuse(); // runs that wait for it hold slots
        }
        if is_about_data(error) && matches!(step, Step::Claim { want, .. } if want.jobs > 1) {
            return; // at once: the next claim is for half as many jobs, down to one
        }
        let delay = self.db.retry_delay();
        let draining = self.shared.stop.reached(Phase::Draining);
        tokio::select! { () = tokio::time::sleep(delay) => {}, () = draining => {} }
    }

    /// Reconciles with the database. After the connection broke, the server may be one that knows less: runs
    /// whose outcomes were lost with a primary would stay this worker's for as long as it lives. No claim is
    /// running here, so this releases every run that the database has and the worker does not.
    async fn reconcile(&mut self) -> Result<(), Error> {
        self.shared.begin_reconciling();
        self.watermarks = Watermarks::new(Instant::now());
        let (shared, id) = (self.shared.clone(), self.shared.identity());
        let own = shared.in_flight.runs();
        let compare = async |connection: &mut _| {
            declare_tasks(connection, &shared).await?;
            worker::held_by(connection, id).await
        };
        let runs = self.db.call(compare).await.inspect_err(|_| self.shared.request_reconcile())?;
        self.shared.release_unknown(runs, &own);
        Ok(())
    }

    /// Registers again after the database declared this worker dead: other workers run its jobs, so this one
    /// stops them and continues under a new id.
    async fn reregister(&mut self) -> Result<(), Error> {
        tracing::warn!("the lease of this worker was lost; its jobs are stopped here and run elsewhere");
        self.shared.meters.lost(self.shared.forget_all());
        let (shared, id) = (self.shared.clone(), Uuid::now_v7());
        self.db.call(async |connection| register(connection, &shared, id).await).await?;
        self.shared.adopt_identity(id);
        Ok(())
    }
}

fn asks_nothing(step: Step) -> bool {
    matches!(step, Step::AwaitRoom | Step::Rest(_) | Step::EndBurst { .. } | Step::Stop)
}

/// The database call of a step, for the log.
fn call(step: Step) -> Call {
    match step {
        // Between these steps the loop reports starting runs.
        Step::AwaitRoom | Step::Rest(_) | Step::EndBurst { .. } | Step::Stop => Call::Start,
        Step::Claim { .. } => Call::Claim,
        Step::FailNext => Call::FailNext,
        Step::ReleaseClaim(_) | Step::SeeOff(_) => Call::ReleaseClaim,
        Step::Reconcile | Step::Reregister => Call::Register,
        Step::Maintain => Call::Maintain,
    }
}
