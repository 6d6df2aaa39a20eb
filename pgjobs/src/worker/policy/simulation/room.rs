//! Several servers share the slots of a worker: who gets them, when some have long queues and others a job
//! now and then.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fastrand::Rng;

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

    fn answer(&mut self, now: u64) {
        match self.does {
            Does::Claims { until, room } if until <= now => {
                let got = room.min(self.queue.len());
                self.line.extend(self.queue.drain(..got));
                self.claims.claimed(room, got, false, Duration::from_millis(self.answers_in));
                self.ask.answered(got, self.load());
                self.does = Does::Decides;
            }
            Does::Waits { until, .. } if until <= now => self.does = Does::Decides,
            _ => {}
        }
    }
}

struct World {
    slots: usize,
    servers: Vec<Server>,
    start: Instant,
    now: u64,
    turn: usize,
}

impl World {
    fn new(slots: usize, servers: &[(u64, u64)]) -> Self {
        let start = Instant::now();
        let server = |(takes, answers_in): &(u64, u64)| Server::new(slots, *takes, *answers_in, start);
        World { slots, servers: servers.iter().map(server).collect(), start, now: 0, turn: 0 }
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
            server.answer(now);
        }
        self.dispatch();
        for me in 0..self.servers.len() {
            if is_room && matches!(self.servers[me].does, Does::Waits { for_room: true, .. }) {
                self.servers[me].does = Does::Decides;
            }
            self.decide(me);
        }
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
                    idle = 0;
                }
                None => idle += 1,
            }
        }
    }

    fn decide(&mut self, me: usize) {
        let at = self.start + Duration::from_millis(self.now);
        while let Does::Decides = self.servers[me].does {
            let (offer, load) = (offer(self.slots, me, &self.standings()), self.servers[me].load());
            let server = &mut self.servers[me];
            server.claims.set_slots(offer.unwrap_or(0));
            let view = view(load);
            let step = server.claims.next(View { crowded: offer.is_none(), ..view }, at);
            server.ask.wants = Wants::of(step, view, self.slots, at);
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
        self.servers.iter().map(|server| server.ask.standing(server.load(), at)).collect()
    }

    fn used(&self, server: usize) -> f64 {
        self.servers[server].used as f64 / (self.slots as u64 * self.now) as f64
    }
}

fn view(load: Load) -> View {
    View {
        load,
        draining: false,
        lost: false,
        needs_reconcile: false,
        stuck: false,
        paused: false,
        crowded: false,
    }
}

#[test]
fn servers_with_long_queues_use_all_slots_in_equal_parts() {
    for seed in 0..20 {
        let mut rng = Rng::with_seed(seed);
        let servers: Vec<_> = (0..rng.usize(2..5)).map(|_| (rng.u64(20..200), rng.u64(1..4))).collect();
        let slots = servers.len() * rng.usize(2..9);
        let mut world = World::new(slots, &servers);
        world.servers.iter_mut().for_each(|server| server.queue.extend(vec![0; 100_000]));
        (0..20_000).for_each(|_| world.step());
        let used: Vec<f64> = (0..servers.len()).map(|server| world.used(server)).collect();
        let equal = 1.0 / servers.len() as f64;
        assert!(used.iter().sum::<f64>() > 0.9, "seed {seed}, {slots} slots, {servers:?}: {used:?}");
        assert!(
            used.iter().all(|part| (0.6 * equal..1.5 * equal).contains(part)),
            "seed {seed}, {slots} slots, {servers:?}: {used:?}"
        );
    }
}

#[test]
fn a_job_now_and_then_is_not_behind_the_long_queue_of_another_server() {
    for seed in 0..20 {
        let mut rng = Rng::with_seed(seed);
        let (slots, takes) = (rng.usize(2..32), rng.u64(1..300));
        let mut world = World::new(slots, &[(takes, rng.u64(1..4)), (20, rng.u64(1..4)), (20, 2)]);
        world.servers[0].queue.extend(vec![0; 1_000_000]);
        while world.now < 20_000 {
            world.step();
            let now = world.now;
            let seldom = world.servers.iter_mut().skip(1).filter(|_| rng.u8(..) == 0);
            seldom.for_each(|server| server.publish(now));
        }
        for server in &world.servers[1..] {
            let (waited, most) = (server.longest_wait, 250 + 2 * takes);
            assert!(waited <= most, "seed {seed}: {waited} ms in {slots} slots of {takes} ms");
        }
        let used: f64 = (0..3).map(|server| world.used(server)).sum();
        // Each look of the others takes a slot for a moment, which is much where there are two.
        let least = if slots < 8 { 0.7 } else { 0.85 };
        assert!(used > least, "seed {seed}: {used} of {slots} slots of {takes} ms");
    }
}

#[test]
fn a_server_that_does_not_answer_keeps_slots_for_a_second_at_most() {
    let mut world = World::new(8, &[(50, 1), (50, 1_000_000)]);
    world.servers[0].queue.extend(vec![0; 100_000]);
    (0..1100).for_each(|_| world.step());
    world.servers[0].used = 0;
    let begun = world.now;
    (0..10_000).for_each(|_| world.step());
    let used = world.servers[0].used as f64 / (8 * (world.now - begun)) as f64;
    assert!(used > 0.9, "{used}");
}
