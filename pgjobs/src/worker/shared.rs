//! What the parts of a worker share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::decide::claims::View;
use super::decide::pace::Load;
use super::held::Held;
use super::hooks::Hooks;
use super::stop::Stop;
use crate::context::State;
use crate::job::Job;
use crate::registry::Registry;
use crate::sql::link::Link;
use crate::sql::servers::Servers;
use crate::sql::settle::{Settlement, Verdict};
use crate::sql::worker::Run;

pub(super) struct Shared {
    pub(super) servers: Servers,
    pub(super) settings: Settings,
    pub(super) registry: Registry,
    pub(super) state: Arc<State>,
    pub(super) hooks: Hooks,
    pub(super) held: Held,
    pub(super) stop: Stop,
    /// Work may have come: the claim loop looks at once.
    pub(super) work: Notify,
    /// A run has ended: there is room for more.
    pub(super) room: Notify,
    pub(super) counts: Counts,
    identity: RwLock<Uuid>,
    /// The database has declared this worker dead.
    lost: AtomicBool,
    /// The database may have runs of this worker that it no longer holds.
    doubted: AtomicBool,
    settlements: mpsc::UnboundedSender<Settlement>,
}

pub(super) struct Settings {
    pub(super) topics: Vec<String>,
    pub(super) names: Vec<String>,
    /// Those among the names whose tasks may end their jobs themselves.
    pub(super) alone: Vec<String>,
    pub(super) slots: usize,
    pub(super) lease: Duration,
    pub(super) grace: Duration,
    pub(super) poll: Duration,
    pub(super) listen: bool,
    pub(super) burst: bool,
}

/// A claimed job is *open* until the database has its verdict (or it was forgotten). On its way it
/// *waits* in line and then *runs*; after that it is open only. `Held` holds it until its verdict is given.
#[derive(Default)]
pub(super) struct Counts {
    open: AtomicUsize,
    waiting: AtomicUsize,
    running: AtomicUsize,
    finished: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    snoozed: AtomicU64,
    released: AtomicU64,
    lost: AtomicU64,
}

/// What a worker did between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Runs that ended with a result.
    pub succeeded: u64,
    /// Runs that ended in an error that is not retried by the task's own word.
    pub failed: u64,
    /// Runs that ended in an error, charged; the database retries or ends their jobs.
    pub retried: u64,
    /// Runs that asked to be run again later.
    pub snoozed: u64,
    /// Jobs handed back unfinished, uncharged.
    pub released: u64,
    /// Verdicts that the database refused because the lease was lost.
    pub lost: u64,
}

impl Shared {
    pub(super) fn new(
        servers: Servers,
        settings: Settings,
        registry: Registry,
        state: State,
        hooks: Hooks,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Settlement>) {
        let (settlements, receiver) = mpsc::unbounded_channel();
        let shared = Shared {
            servers,
            settings,
            registry,
            state: Arc::new(state),
            hooks,
            held: Held::default(),
            stop: Stop::new(),
            work: Notify::new(),
            room: Notify::new(),
            counts: Counts::default(),
            identity: RwLock::new(Uuid::now_v7()),
            lost: AtomicBool::new(false),
            doubted: AtomicBool::new(false),
            settlements,
        };
        (Arc::new(shared), receiver)
    }

    /// A connection for one part of the worker, by whose name the server shows it.
    pub(super) fn link(&self, part: &str, deadline: Duration) -> Link {
        Link::new(self.servers.named(part), deadline)
    }

    /// The worker's id in the database; a new one after it was declared dead.
    pub(super) fn identity(&self) -> Uuid {
        *self.identity.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database said that the worker of this id is dead: the claim loop has to hear of it, wherever
    /// it waits. Said of an earlier id, it is old news.
    pub(super) fn declare_lost(&self, id: Uuid) {
        if id != self.identity() {
            return;
        }
        self.lost.store(true, SeqCst);
        self.wake_claims();
    }

    /// The database may be another one than before, which knows less: the claim loop has to compare.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, SeqCst);
        self.wake_claims();
    }

    pub(super) fn end_doubt(&self) {
        self.doubted.store(false, SeqCst);
    }

    fn wake_claims(&self) {
        self.work.notify_one();
        self.room.notify_one();
    }

    pub(super) fn adopt_identity(&self, id: Uuid) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = id;
        self.lost.store(false, SeqCst);
    }

    /// How things stand for the claim loop.
    pub(super) fn view(&self) -> View {
        View {
            load: self.counts.load(),
            draining: self.stop.is_draining(),
            lost: self.lost.load(SeqCst),
            in_doubt: self.doubted.load(SeqCst),
        }
    }

    /// Gives the verdict on a job, unless somebody else has taken it out.
    pub(super) fn settle(&self, job: &Job, verdict: Verdict) {
        self.held.take(job, || self.send(job, verdict));
    }

    /// Stops everything that is held and hands it back, uncharged.
    pub(super) fn release_all(&self) {
        for job in self.held.stop_all() {
            self.send(&job, Verdict::Release);
        }
    }

    /// Gives back those of these runs that are not held. The verdict on one that was held until just now is
    /// in the queue already, and goes before.
    pub(super) fn disown(&self, runs: Vec<Run>) -> usize {
        let mut disowned = 0;
        for (job, lease, place) in runs {
            if !self.held.holds_run(lease, place) {
                disowned += 1;
                self.counts.open.fetch_add(1, SeqCst);
                let _ = self.settlements.send(Settlement { job, lease, place, verdict: Verdict::Disown });
            }
        }
        disowned
    }

    /// Stops everything that is held and forgets it: others have it now.
    pub(super) fn forget_all(&self) {
        let forgotten = self.held.stop_all().len();
        self.counts.lost.fetch_add(forgotten as u64, Relaxed);
        self.counts.open.fetch_sub(forgotten, SeqCst);
    }

    fn send(&self, job: &Job, verdict: Verdict) {
        self.counts.verdict(&verdict);
        let settlement =
            Settlement { job: job.id().clone(), lease: job.lease(), place: job.place(), verdict };
        // The settle loop outlives every sender; after its end there is nobody left to tell.
        let _ = self.settlements.send(settlement);
    }
}

impl Counts {
    pub(super) fn load(&self) -> Load {
        Load {
            open: self.open.load(SeqCst),
            waiting: self.waiting.load(Relaxed),
            running: self.running.load(Relaxed),
            finished: self.finished.load(Relaxed),
        }
    }

    /// Jobs whose verdict the database does not have yet.
    pub(super) fn open(&self) -> usize {
        self.open.load(SeqCst)
    }

    pub(super) fn claimed(&self, jobs: usize) {
        self.open.fetch_add(jobs, SeqCst);
        self.waiting.fetch_add(jobs, Relaxed);
    }

    pub(super) fn left_line(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    pub(super) fn started(&self) {
        self.running.fetch_add(1, Relaxed);
    }

    pub(super) fn ended(&self) {
        self.running.fetch_sub(1, Relaxed);
        self.finished.fetch_add(1, Relaxed);
    }

    pub(super) fn settled(&self, jobs: usize, lost: usize) {
        self.open.fetch_sub(jobs, SeqCst);
        self.lost.fetch_add(lost as u64, Relaxed);
    }

    fn verdict(&self, verdict: &Verdict) {
        let count = match verdict {
            Verdict::Success(_) | Verdict::Verify(_) => &self.succeeded,
            Verdict::Fail(_) => &self.failed,
            Verdict::Retry(..) => &self.retried,
            Verdict::Snooze(_) => &self.snoozed,
            Verdict::Release | Verdict::Disown => &self.released,
        };
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn report(&self) -> Report {
        Report {
            succeeded: self.succeeded.load(Relaxed),
            failed: self.failed.load(Relaxed),
            retried: self.retried.load(Relaxed),
            snoozed: self.snoozed.load(Relaxed),
            released: self.released.load(Relaxed),
            lost: self.lost.load(Relaxed),
        }
    }
}
