//! What the loops of a worker share that work for one server.

mod outcomes;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tracing::Span;
use uuid::Uuid;

use super::announcing::Announcing;
use super::commands::Commands;
use super::counts::{Counts, End};
use super::in_flight::InFlight;
use super::last_words::LastWords;
use super::leavers::Leavers;
use super::meters::Meters;
use super::outage::{self, Outage};
use super::policy::claiming::View;
use super::policy::heartbeats::Asks;
use super::policy::peers::Peers;
use super::settings::Settings;
use super::shutdown::{Phase, Stop};
use super::slots::Slots;
use super::team::Team;
use super::turns::Turns;
use crate::db::connection::DbConnection;
use crate::db::hosts::Hosts;
use crate::db::settle::Settlement;
use crate::db::worker::RunKey;
use crate::task::job::Job;
use crate::task::layer::AnyLayer;
use crate::task::outbox::Outbox;
use crate::task::registry::Registry;
use crate::task::state::State;

/// After so long, a burst does not wait for a server that is away.
const LONG: Duration = Duration::from_secs(10);

pub(super) struct Shared {
    pub(super) hosts: Hosts,
    pub(super) settings: Arc<Settings>,
    /// What it shares with the other servers of the worker, and its place among them.
    pub(super) team: Arc<Team>,
    pub(super) place: usize,
    pub(super) registry: Registry,
    pub(super) state: Arc<State>,
    pub(super) layers: Vec<Arc<dyn AnyLayer>>,
    pub(super) in_flight: InFlight,
    pub(super) leavers: Leavers,
    pub(super) slots: Arc<Slots>,
    pub(super) commands: Commands,
    pub(super) announcing: Announcing,
    /// What the runs say, until it is sent.
    pub(super) outbox: Arc<Outbox>,
    pub(super) last_words: LastWords,
    pub(super) stop: Stop,
    /// Jobs may be ready: the claim loop claims at once.
    pub(super) work: Notify,
    /// All workers were notified that jobs may be ready: an idle one claims at once, or later, at random.
    pub(super) heard: Notify,
    /// A run has ended: there is room for more.
    pub(super) room: Arc<Notify>,
    pub(super) counts: Arc<Counts>,
    pub(super) peers: Peers,
    pub(super) meters: Meters,
    /// That the heartbeat loop turns.
    pub(super) turns: Turns,
    identity: RwLock<Uuid>,
    /// The database has declared this worker dead.
    lost: AtomicBool,
    /// The database may have runs of this worker that the worker no longer has.
    needs_reconcile: AtomicBool,
    /// The user's runtime runs nothing.
    stuck: AtomicBool,
    /// The worker ends as if its process had crashed: the database hears of nothing any more.
    died: AtomicBool,
    pub(super) outage: Outage,
    starts: mpsc::UnboundedSender<Start>,
    settlements: mpsc::UnboundedSender<Settlement>,
}

/// A run that may start once the database has recorded its start.
pub(super) struct Start {
    pub(super) run: RunKey,
    pub(super) answer: oneshot::Sender<bool>,
}

/// The channels on which the loops of a worker receive from other loops.
pub(super) struct Inboxes {
    pub(super) outcomes: mpsc::UnboundedReceiver<Settlement>,
    pub(super) starts: mpsc::UnboundedReceiver<Start>,
}

impl Shared {
    pub(super) fn new(
        hosts: Hosts,
        settings: Arc<Settings>,
        registry: Registry,
        state: State,
        layers: Vec<Arc<dyn AnyLayer>>,
        (team, place): (Arc<Team>, usize),
    ) -> (Arc<Self>, Inboxes) {
        let (settlements, outcomes) = mpsc::unbounded_channel();
        let (start, starts) = mpsc::unbounded_channel();
        let seat = &team.seats[place];
        let meters = Meters::new(&registry, (!team.is_alone()).then_some(&*seat.name));
        let outbox = Arc::new(Outbox::new(settings.log.0, settings.log.1));
        let shared = Shared {
            hosts,
            settings,
            registry,
            state: Arc::new(state),
            layers,
            in_flight: InFlight::default(),
            leavers: Leavers::default(),
            slots: team.slots.clone(),
            commands: Commands::default(),
            announcing: Announcing::default(),
            outbox,
            last_words: LastWords::default(),
            stop: team.stop_of_one(),
            work: Notify::new(),
            heard: Notify::new(),
            room: seat.room.clone(),
            counts: seat.counts.clone(),
            peers: Peers::default(),
            meters,
            turns: Turns::default(),
            identity: RwLock::new(Uuid::now_v7()),
            lost: AtomicBool::new(false),
            needs_reconcile: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            died: AtomicBool::new(false),
            outage: Outage::default(),
            starts: start,
            settlements,
            team,
            place,
        };
        (Arc::new(shared), Inboxes { outcomes, starts })
    }

    /// The server's name, where the worker has several.
    pub(super) fn server(&self) -> Option<&str> {
        (!self.team.is_alone()).then(|| &*self.team.seats[self.place].name)
    }

    /// The span of what its loops log: it names the server, where the worker has several.
    pub(super) fn span(&self) -> Span {
        self.server().map_or_else(Span::none, |name| tracing::info_span!("server", name))
    }

    /// A connection for one loop of the worker; the server shows it under the name `part`.
    pub(super) fn connection(&self, part: &'static str, deadline: Duration) -> DbConnection {
        DbConnection::new(self.hosts.named(part), deadline)
    }

    /// The worker's id in the database; another one after the database declared it dead.
    pub(super) fn identity(&self) -> Uuid {
        *self.identity.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database reported that the worker with this id is dead: wakes up the claim loop, wherever it
    /// waits. A report about an earlier id is old news.
    pub(super) fn declare_lost(&self, id: Uuid) {
        if id != self.identity() {
            return;
        }
        self.lost.store(true, SeqCst);
        self.wake_claims();
    }

    /// The database may be another one than before, which knows less: the claim loop has to reconcile.
    pub(super) fn request_reconcile(&self) {
        self.needs_reconcile.store(true, SeqCst);
        self.wake_claims();
    }

    pub(super) fn begin_reconciling(&self) {
        self.needs_reconcile.store(false, SeqCst);
    }

    /// The user's runtime runs nothing, or runs again. Releases the jobs that have not begun; returns how many.
    pub(super) fn set_stuck(&self, stuck: bool) -> usize {
        self.stuck.store(stuck, SeqCst);
        let released = if stuck { self.release(self.in_flight.stop_unbegun()) } else { 0 };
        self.wake_claims();
        released
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.load(SeqCst)
    }

    /// Whether a command says that nothing is claimed or started: at this server, or a drain of the worker.
    pub(super) fn is_paused(&self) -> bool {
        self.commands.is_paused() || self.team.drains()
    }

    /// Whether what starts now would wait for a server that is away, in slots that the worker's other servers
    /// can use.
    pub(super) fn starts_in_vain(&self) -> bool {
        !self.team.is_alone() && self.outage.is_away_for(&[outage::CLAIM, outage::SETTLE])
    }

    /// Whether a burst of several servers ends without this one: it has been away for long.
    pub(super) fn is_given_up(&self) -> bool {
        self.starts_in_vain() && self.outage.lasts() >= LONG
    }

    /// A burst ends without it.
    pub(super) fn leave_out(&self) {
        self.counts.ends(End::Unfinished);
        let server = self.server();
        tracing::error!(
            server,
            "this server is away: the burst ends without what is due there; run it again"
        );
    }

    /// Has the database record the run as started; false when it must not start.
    pub(super) async fn count_start(&self, job: &Job) -> bool {
        if self.starts_in_vain() {
            return false;
        }
        let (answer, answered) = oneshot::channel();
        let _ = self.starts.send(Start { run: (job.lease(), job.batch_index()), answer });
        answered.await.unwrap_or(false) // the claim loop has ended: nothing starts any more
    }

    pub(super) fn wake_claims(&self) {
        self.work.notify_one();
        self.room.notify_one();
    }

    pub(super) fn adopt_identity(&self, id: Uuid) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = id;
        self.commands.note_change(); // a pause goes on under the new id
        self.lost.store(false, SeqCst);
    }

    /// The state for the next decision of the claim loop.
    pub(super) fn view(&self) -> View {
        View {
            load: self.counts.load(),
            draining: self.stop.is_draining(),
            lost: self.lost.load(SeqCst),
            needs_reconcile: self.needs_reconcile.load(SeqCst),
            stuck: self.is_stuck(),
            // What it claims while outcomes do not arrive is not started: it would be released at once.
            paused: self.is_paused() || (!self.team.is_alone() && self.outage.is_away_for(&[outage::SETTLE])),
        }
    }

    /// Stops and forgets everything in flight, since others have it now; returns how many jobs that were.
    pub(super) fn forget_all(&self) -> usize {
        self.leavers.drop_all();
        let runs = self.in_flight.forget_all();
        self.counts.forgot(runs);
        runs
    }

    /// Ends as a crash of the process would: stops and forgets everything in flight, with its leases.
    #[cfg(feature = "testing")]
    pub(super) fn die(&self) {
        self.died.store(true, SeqCst);
        self.counts.ends(End::Broken);
        self.stop.advance(Phase::Draining);
        self.forget_all();
    }

    pub(super) fn has_died(&self) -> bool {
        self.died.load(SeqCst)
    }

    /// What asks for a beat now.
    pub(super) fn asks(&self) -> Asks {
        let asks = self.commands.asks(self.settings.poll);
        // Without a listen loop nothing is ever heard; a burst looks for commands with its heartbeats.
        let polls = asks.polls.filter(|_| !self.settings.burst);
        Asks { polls, progress: !self.outbox.is_empty(), ..asks }
    }

    /// Ends the worker when a command has told it to drain and nothing runs.
    pub(super) fn end_if_drained(&self) {
        if self.team.drains() && self.team.running() == 0 {
            self.stop.advance(Phase::Draining);
        }
    }
}
