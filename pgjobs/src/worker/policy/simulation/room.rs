//! Several servers share the slots of a worker: who gets them, when some have long queues and others a job
//! now and then.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::worker::policy::claiming::{Claims, Step, View};
use crate::worker::policy::prefetch::{Load, Pace};
use crate::worker::policy::room::{Standing, may_start, offer};
use crate::worker::room::{Ask, Wants};

/// In milliseconds, as all times here.
const POLL: u64 = 1000;

struct Server {
    claims: Claims,
    ask: Ask,
    does: Does,
    /// When the jobs were published that wait in the database.
    queue: VecDeque<u64>,
    /// When the claimed ones were.
    line: VecDeque<u64>,
    /// When its runs end.
    runs: Vec<u64>,
    finished: u64,
    /// The number of its last start, of all.
    last: u64,
    takes: u64,
    answers_in: u64,
    /// Slots in use, summed over time; and the longest time from publish to start.
    used: u64,
    longest_wait: u64,
}

enum Does {
    Decides,
    Claims { until: u64, room: usize },
    Waits { until: u64, for_room: bool },
}

impl Server {
    fn new(slots: usize, takes: u64, answers_in: u64, start: Instant) -> Self {
        let mut pace = Pace::new(slots, Duration::from_millis(POLL), start);
        pace.among_others();
        Server {
            claims: Claims::new(pace, true, false, Duration::from_secs(15)),
            ask: Ask::default(),
            does: Does::Decides,
            queue: VecDeque::new(),
            line: VecDeque::new(),
            runs: Vec::new(),
            finished: 0,
            last: 0,
            takes,
            answers_in,
            used: 0,
            longest_wait: 0,
        }
    }

    fn load(&self) -> Load {
        let (waiting, running) = (self.line.len(), self.runs.len());
        Load { open: waiting + running, waiting, running, finished: self.finished }
    }

    fn publish(&mut self, now: u64) {
        self.queue.push_back(now);
        if let Does::Waits { for_room: false, .. } = self.does {
            self.does = Does::Decides; // it is notified
        }
    }

    /// Returns whether a claim was answered.
    fn answer(&mut self, now: u64) -> bool {
        match self.does {
            Does::Claims { until, room } if until <= now => {
                let got = room.min(self.queue.len());
                self.line.extend(self.queue.drain(..got));
                self.claims.claimed(room, got, false, Duration::from_millis(self.answers_in));
                self.ask.answered(got, self.load());
                self.does = Does::Decides;
                return true;
            }
            Does::Waits { until, .. } if until <= now => self.does = Does::Decides,
            _ => {}
        }
        false
    }
}

/// A worker in steps of a millisecond.
struct World {
    slots: usize,
    servers: Vec<Server>,
    start: Instant,
    now: u64,
    /// Since when the use of slots is measured.
    since: u64,
    turn: usize,
    starts: u64,
    /// The claim loops look before the dispatch loops where a run has ended, and not only after them.
    claims_first: bool,
}

impl World {
    fn new(slots: usize, servers: &[(u64, u64)]) -> Self {
        let start = Instant::now();
        let server = |(takes, answers_in): &(u64, u64)| Server::new(slots, *takes, *answers_in, start);
        World {
            slots,
            servers: servers.iter().map(server).collect(),
            start,
            now: 0,
            since: 0,
            turn: 0,
            starts: 0,
            claims_first: false,
        }
    }

    fn step(&mut self) {
        self.now += 1;
        let now = self.now;
        let mut is_room = false;
        for server in &mut self.servers {
            let before = server.runs.len();
            server.runs.retain(|end| *end > now);
            server.finished += (before - server.runs.len()) as u64;
            is_room |= server.runs.len() < before;
            is_room |= server.answer(now);
        }
        if self.claims_first {
            self.decide_all(is_room);
        }
        self.dispatch();
        self.decide_all(is_room);
        self.servers.iter_mut().for_each(|server| server.used += server.runs.len() as u64);
    }

    /// The dispatch loops wait in turn for the next free slot.
    fn dispatch(&mut self) {
        let mut idle = 0;
        while self.servers.iter().map(|server| server.runs.len()).sum::<usize>() < self.slots
            && idle < self.servers.len()
        {
            self.turn = (self.turn + 1) % self.servers.len();
            let may_start = may_start(self.slots, self.turn, &self.standings());
            let (server, now) = (&mut self.servers[self.turn], self.now);
            match may_start.then(|| server.line.pop_front()).flatten() {
                Some(published) => {
                    server.longest_wait = server.longest_wait.max(now - published);
                    server.runs.push(now + server.takes);
                    self.starts += 1;
                    server.last = self.starts;
                    idle = 0;
                }
                None => idle += 1,
            }
        }
    }

    /// `is_room`: what they wait for, where they wait for room.
    fn decide_all(&mut self, is_room: bool) {
        for me in 0..self.servers.len() {
            if is_room && matches!(self.servers[me].does, Does::Waits { for_room: true, .. }) {
                self.servers[me].does = Does::Decides;
            }
            self.decide(me);
        }
    }

    fn decide(&mut self, me: usize) {
        let at = self.start + Duration::from_millis(self.now);
        while let Does::Decides = self.servers[me].does {
            let (offer, view) = (offer(self.slots, me, &self.standings()), view(self.servers[me].load()));
            let server = &mut self.servers[me];
            server.claims.set_slots(offer);
            let step = server.claims.next(view, at);
            server.ask.wants = Wants::of(step, view, offer, at);
            server.does = match step {
                Step::Claim { want, .. } => {
                    Does::Claims { until: self.now + server.answers_in, room: want.jobs }
                }
                Step::AwaitRoom => Does::Waits { until: self.now + 200, for_room: true },
                Step::Rest(pause) => {
                    let pause = u64::try_from(pause.as_millis()).unwrap();
                    Does::Waits { until: self.now + pause.max(1), for_room: false }
                }
                step => panic!("{step:?}"),
            };
        }
    }

    fn standings(&self) -> Vec<Standing> {
        let at = self.start + Duration::from_millis(self.now);
        self.servers.iter().map(|server| server.ask.standing(server.load(), server.last, at)).collect()
    }

    /// From now on the use of slots and the waits are measured.
    fn forget(&mut self) {
        self.since = self.now;
        self.servers.iter_mut().for_each(|server| (server.used, server.longest_wait) = (0, 0));
    }

    /// The part of the slots that this server has used.
    fn used(&self, server: usize) -> f64 {
        self.servers[server].used as f64 / (self.slots as u64 * (self.now - self.since)) as f64
    }
}

fn view(load: Load) -> View {
    View { load, draining: false, lost: false, needs_reconcile: false, stuck: false, paused: false }
}

mod tests;
