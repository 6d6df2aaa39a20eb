//! Who gets the slots, and when.

use std::collections::VecDeque;

use fastrand::Rng;

use super::World;

/// How long a claim takes, and the runs of the quiet server.
const ANSWERS: u64 = 2;
const QUIET_RUN: u64 = 20;

#[derive(Debug, Clone, Copy)]
struct Case {
    slots: usize,
    servers: usize,
    /// How long a run takes.
    takes: u64,
    claims_first: bool,
}

/// Slots that can be divided by the servers, that cannot, and that are fewer; runs short and long.
fn cases() -> impl Iterator<Item = Case> {
    let sizes =
        [(16, 2), (16, 3), (16, 4), (16, 5), (16, 7), (4, 3), (8, 5), (9, 4), (2, 3), (1, 2), (64, 9)];
    let of_size = |(slots, servers)| {
        let of_run =
            move |takes| [false, true].map(|claims_first| Case { slots, servers, takes, claims_first });
        [2, 20, 200].into_iter().flat_map(of_run)
    };
    sizes.into_iter().flat_map(of_size)
}

impl Case {
    /// Servers with endless queues.
    fn busy(self) -> World {
        let mut world = World::new(self.slots, &vec![(self.takes, ANSWERS); self.servers]);
        world.claims_first = self.claims_first;
        world.servers.iter_mut().for_each(|server| server.queue.extend(vec![0; 300_000]));
        world
    }

    /// The same, but for the last one, which has no jobs; they have worked for two seconds.
    fn busy_and_quiet(self) -> World {
        let mut world = self.busy();
        let quiet = &mut world.servers[self.servers - 1];
        (quiet.takes, quiet.queue) = (QUIET_RUN, VecDeque::new());
        (0..2000).for_each(|_| world.step());
        world.forget();
        world
    }

    /// How long a run takes at a busy server, and behind it one at the quiet server.
    fn round(self) -> u64 {
        self.takes + QUIET_RUN + 3 * ANSWERS
    }

    /// So many jobs come to the quiet server, at once, five times; returns the longest wait for a start.
    fn longest_wait(self, jobs: usize, world: &mut World) -> u64 {
        let quiet = self.servers - 1;
        for _ in 0..5 {
            let now = world.now;
            (0..jobs).for_each(|_| world.servers[quiet].publish(now));
            (0..1000.max(self.round() * (jobs as u64 + 1))).for_each(|_| world.step());
            let one = &world.servers[quiet];
            assert!(one.queue.is_empty() && one.load().open == 0, "{self:?}: {:?}", world.standings());
        }
        world.servers[quiet].longest_wait
    }
}

fn range(parts: &[f64]) -> (f64, f64) {
    (parts.iter().copied().fold(1.0, f64::min), parts.iter().copied().fold(0.0, f64::max))
}

#[test]
fn a_job_of_a_quiet_server_gets_the_next_slot_from_busy_ones() {
    for case in cases() {
        let waited = case.longest_wait(1, &mut case.busy_and_quiet());
        assert!(waited <= case.takes + 3 * ANSWERS, "{case:?}: {waited} ms");
    }
}

#[test]
fn ten_jobs_of_a_quiet_server_run_in_its_part_of_the_slots() {
    for case in cases() {
        let mut world = case.busy_and_quiet();
        let waited = case.longest_wait(10, &mut world);
        let rounds = 10_u64.div_ceil((case.slots / case.servers).max(1) as u64);
        assert!(waited <= rounds * case.round(), "{case:?}: {waited} ms");
        let parts: Vec<f64> = (0..case.servers).map(|server| world.used(server)).collect();
        let used: f64 = parts.iter().sum();
        assert!(used > if case.slots < 8 { 0.97 } else { 0.99 }, "{case:?}: {used}");
        let (fewest, most) = range(&parts[..case.servers - 1]);
        assert!(fewest > 0.9 * most, "{case:?}: {parts:?}");
    }
}

#[test]
fn servers_with_long_queues_have_equal_parts_of_any_number_of_slots() {
    for case in cases() {
        let mut world = case.busy();
        (0..2000 + 60 * case.takes).for_each(|_| world.step());
        let parts: Vec<f64> = (0..case.servers).map(|server| world.used(server)).collect();
        let (used, (fewest, most)) = (parts.iter().sum::<f64>(), range(&parts));
        assert!(used > 0.98, "{case:?}: {parts:?}");
        let equal = 1.0 / case.servers as f64;
        assert!(fewest > 0.85 * equal && most < 1.2 * equal, "{case:?}: {parts:?}");
    }
}

#[test]
fn jobs_claimed_ahead_that_turn_out_slow_do_not_go_first() {
    let case = Case { slots: 16, servers: 2, takes: 1, claims_first: false };
    let mut world = case.busy_and_quiet();
    world.servers[0].takes = 3000;
    (0..10).for_each(|_| world.step());
    let now = world.now;
    (0..10).for_each(|_| world.servers[1].publish(now));
    (0..3000 + 3 * case.round()).for_each(|_| world.step());
    assert_eq!(world.servers[1].finished, 10, "one run of the others was ahead of them");
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
    world.forget();
    (0..10_000).for_each(|_| world.step());
    let used = world.used(0);
    assert!(used > 0.9, "{used}");
}
