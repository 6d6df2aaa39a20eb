//! Gathers the jobs of batch handlers until a joint run of them begins.
//!
//! [`gather`](super::policy::gather) decides when that is. A worker without batch handlers pays one look at a
//! flag for each job.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::dispatch_loop::{Held, Slot, start};
use super::policy::gather::{self, Gathered, Slots, Step};
use super::shared::Shared;
use super::shutdown::Phase;
use super::slots;
use crate::task::definition::TaskDef;
use crate::task::handler::{Handler, Many};
use crate::task::job::Job;
use crate::task::joint::meeting::{Callee, Meeting};

pub(super) struct Gathering {
    shared: Arc<Shared>,
    /// Whether the worker has batch handlers at all.
    is_of_use: bool,
    sets: Vec<Set>,
}

/// The jobs of one batch handler.
struct Set {
    def: &'static TaskDef,
    many: Many,
    until: Instant,
    jobs: Vec<Held>,
}

impl Gathering {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let is_of_use = shared.registry.tasks().iter().any(|task| matches!(task.run, Handler::Many(_)));
        Gathering { shared, is_of_use, sets: Vec::new() }
    }

    /// The next queued job. Meanwhile begins the joint runs that are due, and releases gathered jobs when the
    /// worker ends.
    pub(super) async fn next(&mut self, line: &mut mpsc::UnboundedReceiver<Arc<Job>>) -> Option<Arc<Job>> {
        loop {
            let Some(until) = self.run_due() else { return line.recv().await };
            let shared = self.shared.clone();
            tokio::select! {
                biased;
                () = shared.stop.reached(Phase::Draining) => self.sets.clear(),
                job = line.recv() => return job,
                () = shared.in_flight.taken.notified() => self.drop_taken(),
                () = shared.team.all_gather(shared.place) => self.run_all(),
                () = sleep_until(until.into()) => {}
            }
        }
    }

    /// Waits for a slot; `None` when the worker is asked to stop.
    pub(super) async fn free_slot(&mut self) -> Option<slots::Slot> {
        if self.shared.stop.is_draining() {
            return None;
        }
        let (shared, place) = (self.shared.clone(), self.shared.place);
        if shared.team.may_start(place)
            && let Some(slot) = shared.slots.try_take()
        {
            return Some(slot); // usual with short jobs: nothing to wait for, nothing to set up
        }
        let next = || async {
            shared.team.turn(place).await;
            shared.slots.take().await
        };
        loop {
            let until = self.run_due();
            tokio::select! {
                biased;
                () = shared.stop.reached(Phase::Draining) => return None,
                slot = next() => return slot,
                () = shared.in_flight.taken.notified() => self.drop_taken(),
                () = shared.team.all_gather(place) => self.run_all(),
                () = at(until) => {}
            }
        }
    }

    /// Gathers the job, which has its slot, if it is one of a batch handler that may share its run; otherwise
    /// returns it.
    pub(super) fn add(&mut self, held: Held) -> Option<Held> {
        self.shared.team.started(self.shared.place);
        if !self.is_of_use || !gather::may_share(held.job.retries(), held.job.is_last_run()) {
            return Some(held);
        }
        let Some(def) = self.shared.registry.get(held.job.task()) else { return Some(held) };
        let Handler::Many(many) = def.run else { return Some(held) };
        self.shared.in_flight.gather(&held.job);
        match self.sets.iter_mut().find(|set| std::ptr::eq(set.def, def)) {
            Some(set) => set.jobs.push(held),
            None => {
                let until = Instant::now() + many.linger;
                self.sets.push(Set { def, many, until, jobs: vec![held] });
            }
        }
        None
    }

    /// Drops the jobs that were taken out meanwhile, cancelled, lost or released: their slots are free.
    fn drop_taken(&mut self) {
        for set in &mut self.sets {
            set.jobs.retain(|held| self.shared.in_flight.holds(&held.job));
        }
        self.sets.retain(|set| !set.jobs.is_empty());
    }

    /// Begins the joint runs that are due; returns when the next one is.
    fn run_due(&mut self) -> Option<Instant> {
        if !self.is_of_use {
            return None;
        }
        let gathered = self.gathered();
        if self.sets.is_empty() {
            return None;
        }
        if self.shared.stop.is_draining() || self.shared.is_paused() {
            self.sets.clear(); // they are released
        }
        let (slots, now) = (Slots { all: self.shared.slots.number(), gathered }, Instant::now());
        let is_due = |set: &mut Set| gather::next(set.gathered(), slots, now) == Step::Run;
        for set in self.sets.extract_if(.., is_due) {
            set.run(&self.shared);
        }
        self.gathered();
        self.sets.iter().map(|set| set.until).min()
    }

    /// Begins all joint runs: gathered jobs hold every slot, so no other can join.
    fn run_all(&mut self) {
        self.sets.drain(..).for_each(|set| set.run(&self.shared));
    }

    /// How many jobs all servers have gathered; the others learn how many are of this one.
    fn gathered(&self) -> usize {
        let own = self.sets.iter().map(|set| set.jobs.len()).sum();
        self.shared.team.gathered(self.shared.place, own)
    }
}

impl Set {
    fn gathered(&self) -> Gathered {
        Gathered { jobs: self.jobs.len(), most: self.many.most, until: self.until }
    }

    /// Begins the joint run: each job gets its seat in the meeting, and a share of the slots of all.
    fn run(self, shared: &Arc<Shared>) {
        let Set { def, many, mut jobs, .. } = self;
        jobs.retain(|held| shared.in_flight.holds(&held.job)); // others were lost or released meanwhile
        let callee = Callee { def, many, state: shared.state.clone() };
        let (meeting, seats) = Meeting::of(callee, jobs.len());
        tokio::spawn(meeting.hold());
        share_slots(&mut jobs);
        for (held, seat) in jobs.into_iter().zip(seats) {
            start(shared, held, Some(seat));
        }
    }
}

/// Makes one of the slots of these jobs, which is free again when the last of their runs has ended.
fn share_slots(jobs: &mut [Held]) {
    let mut all: Option<slots::Slot> = None;
    for held in jobs.iter_mut() {
        if let Slot::Own(slot) = mem::replace(&mut held.slot, Slot::None) {
            match &mut all {
                Some(all) => all.merge(slot),
                None => all = Some(slot),
            }
        }
    }
    let Some(all) = all.map(Arc::new) else { return };
    for held in jobs {
        held.slot = Slot::Joint(all.clone());
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
