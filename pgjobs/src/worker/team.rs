//! What the servers of a worker share: the slots, the room for claims, and the end.
//!
//! Each server has loops and connections of its own ([`Shared`]), so that what happens to one is its own
//! trouble. A worker with a single server has a team of one, which asks nobody.

use std::future::pending;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::counts::WorkerReport;
use super::meters::SlotsMeter;
use super::policy::claiming::{Claims, Step, View};
use super::policy::prefetch::Load;
use super::policy::room::{self, Standing};
use super::room::{Ask, Wants};
use super::seat::Seat;
use super::shared::Shared;
use super::shutdown::{Phase, Stop, Stops};
use super::slots::Slots;

/// How long a dispatch loop leaves slots to others before it looks again.
const LOOK: Duration = Duration::from_millis(20);

pub(super) struct Team {
    pub(super) slots: Arc<Slots>,
    /// In the order of their addition.
    pub(super) seats: Vec<Seat>,
    /// Ends all of them.
    pub(super) stop: Stop,
    stops: Arc<Stops>,
    meter: SlotsMeter,
    asks: Mutex<Vec<Ask>>,
    /// It ends when nothing runs any more.
    drains: AtomicBool,
    /// How many slots were taken so far; not counted for a single server.
    starts: AtomicU64,
    /// The engines of the servers that were reached.
    engines: Mutex<Vec<Weak<Shared>>>,
}

impl Team {
    pub(super) fn new(names: Vec<String>, slots: usize) -> Arc<Self> {
        let stops = Arc::new(Stops::default());
        Arc::new(Team {
            slots: Arc::new(Slots::new(slots)),
            asks: Mutex::new(names.iter().map(|_| Ask::default()).collect()),
            seats: names.into_iter().map(Seat::new).collect(),
            stop: Stop::one_of(&stops),
            stops,
            meter: SlotsMeter::new(),
            drains: AtomicBool::new(false),
            starts: AtomicU64::new(0),
            engines: Mutex::default(),
        })
    }

    /// Whether there is one server only.
    pub(super) fn is_alone(&self) -> bool {
        self.seats.len() == 1
    }

    /// How a server's loops learn that they end: with all others, or by themselves.
    pub(super) fn stop_of_one(&self) -> Stop {
        Stop::one_of(&self.stops)
    }

    /// Takes up a server whose loops have begun.
    pub(super) fn join(&self, engine: &Arc<Shared>) {
        lock(&self.engines).push(Arc::downgrade(engine));
        engine.end_if_drained();
    }

    /// A command says that the worker ends when nothing runs any more, or takes that back; returns whether it
    /// was to end.
    pub(super) fn set_draining(&self, drains: bool) -> bool {
        let before = self.drains.swap(drains, SeqCst);
        for engine in self.engines() {
            engine.commands.note_change();
            engine.wake_claims();
        }
        before
    }

    pub(super) fn drains(&self) -> bool {
        self.drains.load(SeqCst)
    }

    /// Those whose loops have begun, and that were not dropped.
    pub(super) fn engines(&self) -> Vec<Arc<Shared>> {
        lock(&self.engines).iter().filter_map(Weak::upgrade).collect()
    }

    /// The jobs of all servers.
    pub(super) fn load(&self) -> Load {
        self.seats.iter().map(|seat| seat.counts.load()).fold(Load::default(), Load::and)
    }

    /// The runs of all servers.
    pub(super) fn running(&self) -> usize {
        self.load().running
    }

    /// What all servers have done so far.
    pub(super) fn report(&self) -> WorkerReport {
        let reports = self.seats.iter().map(|seat| seat.counts.report());
        reports.reduce(WorkerReport::and).unwrap_or_default()
    }

    pub(super) fn show_slots(&self) {
        self.meter.show(self.slots.number());
    }

    /// A run of this server has ended: there is room, also for others.
    pub(super) fn has_room(&self, me: usize) {
        self.seats[me].room.notify_one();
        if !self.is_alone() {
            self.wake_others(me);
        }
    }

    /// Whether this server may take the next slot.
    pub(super) fn may_start(&self, me: usize) -> bool {
        self.is_alone()
            || room::may_start(self.slots.number(), me, &self.standings(&self.asks(), Instant::now()))
    }

    /// Waits until this server may take the next slot; it looks again after a while, because others may have
    /// become content without a run that ended.
    pub(super) async fn turn(&self, me: usize) {
        let seat = &self.seats[me];
        seat.holds.store(true, SeqCst);
        while !self.may_start(me) {
            let _ = timeout(LOOK, seat.turn.notified()).await;
        }
        seat.holds.store(false, SeqCst);
    }

    /// This server has taken a slot: others with as many are before it now.
    pub(super) fn started(&self, me: usize) {
        if !self.is_alone() {
            self.seats[me].last.store(self.starts.fetch_add(1, SeqCst) + 1, SeqCst);
        }
    }

    /// This server has gathered so many jobs for joint runs; returns how many all of them have. Those of the
    /// others begin as well when they hold every slot: the slots that are free after the runs of one would go
    /// to that one, which holds the fewest then, and the others would wait with theirs.
    pub(super) fn gathered(&self, me: usize, jobs: usize) -> usize {
        if self.is_alone() {
            return jobs;
        }
        self.seats[me].gathered.store(jobs, SeqCst);
        let all = self.seats.iter().map(|seat| seat.gathered.load(SeqCst)).sum();
        if all >= self.slots.number() {
            let others = self.seats.iter().enumerate().filter(|(at, _)| *at != me).map(|(_, seat)| seat);
            others.filter(|seat| seat.gathered.load(SeqCst) > 0).for_each(|seat| seat.full.notify_one());
        }
        all
    }

    /// Waits until another server finds that gathered jobs hold every slot.
    pub(super) async fn all_gather(&self, me: usize) {
        if self.is_alone() {
            return pending().await;
        }
        self.seats[me].full.notified().await;
    }

    /// How the servers stand.
    fn standings(&self, asks: &[Ask], now: Instant) -> Vec<Standing> {
        let seats = asks.iter().zip(&self.seats);
        seats.map(|(ask, seat)| ask.standing(seat.counts.load(), seat.last.load(SeqCst), now)).collect()
    }

    /// There may be room that this server had or kept from others: wakes their claim loops, and the dispatch
    /// loops of all.
    fn wake_others(&self, me: usize) {
        let others = self.seats.iter().enumerate().filter(|(at, _)| *at != me).map(|(_, seat)| seat);
        others.filter(|seat| seat.waits.load(SeqCst)).for_each(|seat| seat.room.notify_one());
        let held = self.seats.iter().filter(|seat| seat.holds.load(SeqCst));
        held.for_each(|seat| seat.turn.notify_one());
    }

    /// The next step of the claim loop of this server, within the room that it may have.
    pub(super) fn decide(&self, me: usize, claims: &mut Claims, view: View, now: Instant) -> Step {
        if self.is_alone() {
            claims.set_slots(self.slots.number());
            return claims.next(view, now);
        }
        let mut asks = self.asks();
        self.seats[me].waits.store(true, SeqCst); // before it looks: what ends from here on wakes it
        let offer = room::offer(self.slots.number(), me, &self.standings(&asks, now));
        claims.set_slots(offer);
        let step = claims.next(view, now);
        let before = mem::replace(&mut asks[me].wants, Wants::of(step, view, offer, now));
        if let Step::Claim { .. } = step {
            asks[me].looked_at = self.is_quiet().then(|| asks.iter().map(|ask| ask.claims).sum());
        }
        let waits = asks[me].wants.is_room();
        self.seats[me].waits.store(waits, SeqCst);
        if before.is_room() && !waits {
            self.wake_others(me); // it wants less than any number
        }
        step
    }

    /// A claim of this server was answered, with so many jobs, which are counted and not queued yet.
    pub(super) fn answered(&self, me: usize, got: usize) {
        if self.is_alone() {
            return;
        }
        self.asks()[me].answered(got, self.seats[me].counts.load());
        self.wake_others(me);
    }

    /// A call of this server failed: it holds no room until a claim is answered.
    pub(super) fn failed(&self, me: usize) {
        if self.is_alone() {
            return;
        }
        self.asks()[me].failed();
        self.wake_others(me);
    }

    /// The loops of this server have ended.
    pub(super) fn left(&self, me: usize) {
        self.failed(me);
        self.asks()[me].has_left = true;
    }

    /// A burst has found nothing due at this server; returns whether that holds for all of them. What runs at
    /// one may publish at another: it holds once no job was claimed anywhere since each of them looked. One
    /// that is away for long is left out.
    pub(super) fn found_nothing(&self, me: usize) -> bool {
        if self.is_alone() {
            return true;
        }
        let engines = self.engines();
        engines.iter().for_each(|one| self.seats[one.place].given_up.store(one.is_given_up(), SeqCst));
        let mut asks = self.asks();
        asks[me].nothing_at = asks[me].looked_at;
        let claims = asks.iter().map(|ask| ask.claims).sum();
        let has_nothing = |(ask, seat): (&Ask, &Seat)| {
            ask.has_left || seat.given_up.load(SeqCst) || ask.nothing_at == Some(claims)
        };
        let is_over = asks.iter().zip(&self.seats).all(has_nothing) && self.is_quiet();
        if is_over {
            let given_up = |one: &&Arc<Shared>| self.seats[one.place].given_up.load(SeqCst);
            engines.iter().filter(given_up).for_each(|one| one.leave_out());
        }
        is_over
    }

    /// Whether no job of this worker is open, but for outcomes that a server which is given up does not take.
    fn is_quiet(&self) -> bool {
        let is_quiet = |seat: &Seat| {
            let load = seat.counts.load();
            load.open == 0 || seat.given_up.load(SeqCst) && load.waiting + load.running == 0
        };
        self.seats.iter().all(is_quiet)
    }

    /// All servers end: at once, or after their runs.
    pub(super) fn end(&self, phase: Phase) {
        self.stop.advance(phase);
    }

    fn asks(&self) -> MutexGuard<'_, Vec<Ask>> {
        lock(&self.asks)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
