//! Who gets the slots, and when.

use fastrand::Rng;

use super::World;

/// Slots and servers: so that the slots can be divided, and cannot, and more servers than slots.
const SIZES: [(usize, usize); 11] =
    [(16, 2), (16, 3), (16, 4), (16, 5), (16, 7), (4, 3), (8, 5), (9, 4), (2, 3), (1, 2), (64, 9)];
/// How long the runs of busy servers take.
const RUNS: [u64; 3] = [2, 20, 200];
/// How long a claim takes, and the runs of the quiet server.
const ANSWERS: u64 = 2;
const QUIET_RUN: u64 = 20;

/// Servers with endless queues and, as the last one, one without jobs; they have worked for two seconds.
fn busy_and_quiet((slots, servers): (usize, usize), takes: u64, claims_first: bool) -> World {
    let mut all = vec![(takes, ANSWERS); servers - 1];
    all.push((QUIET_RUN, ANSWERS));
    let mut world = World::new(slots, &all);
    world.claims_first = claims_first;
    world.servers[..servers - 1].iter_mut().for_each(|server| server.queue.extend(vec![0; 300_000]));
    (0..2000).for_each(|_| world.step());
    world.forget();
    world
}

/// So many jobs come to the quiet server, and a second passes, or as long as they take; returns how long the
/// last of them waited for its start.
fn wait_of(jobs: usize, world: &mut World) -> u64 {
    let quiet = world.servers.len() - 1;
    let now = world.now;
    (0..jobs).for_each(|_| world.servers[quiet].publish(now));
    let takes = world.servers[0].takes + QUIET_RUN;
    (0..1000.max(takes * jobs as u64)).for_each(|_| world.step());
    assert!(world.servers[quiet].load().open == 0, "{jobs} jobs have not ended: {:?}", world.standings());
    std::mem::take(&mut world.servers[quiet].longest_wait)
}

#[test]
fn a_job_of_a_quiet_server_gets_the_next_slot_from_busy_ones() {
    for size in SIZES {
        for (takes, claims_first) in RUNS.into_iter().flat_map(|takes| [(takes, false), (takes, true)]) {
            let mut world = busy_and_quiet(size, takes, claims_first);
            let waited = (0..5).map(|_| wait_of(1, &mut world)).max().unwrap();
            let most = takes + 3 * ANSWERS;
            assert!(waited <= most, "{size:?}, runs of {takes} ms, {claims_first}: {waited} ms");
        }
    }
}

#[test]
fn ten_jobs_of_a_quiet_server_run_in_its_part_of_the_slots() {
    for size in SIZES {
        for (takes, claims_first) in RUNS.into_iter().flat_map(|takes| [(takes, false), (takes, true)]) {
            let mut world = busy_and_quiet(size, takes, claims_first);
            let waited = (0..5).map(|_| wait_of(10, &mut world)).max().unwrap();
            let rounds = 10_u64.div_ceil((size.0 / size.1).max(1) as u64);
            let most = rounds * (takes + QUIET_RUN + 3 * ANSWERS);
            assert!(waited <= most, "{size:?}, runs of {takes} ms, {claims_first}: {waited} ms");
            let parts: Vec<f64> = (0..size.1).map(|server| world.used(server)).collect();
            let (used, least) = (parts.iter().sum::<f64>(), if size.0 < 8 { 0.97 } else { 0.99 });
            assert!(used > least, "{size:?}, runs of {takes} ms, {claims_first}: {used}");
            let busy = &parts[..size.1 - 1];
            let (fewest, most) =
                (busy.iter().copied().fold(1.0, f64::min), busy.iter().copied().fold(0.0, f64::max));
            assert!(fewest > 0.9 * most, "{size:?}, runs of {takes} ms, {claims_first}: {busy:?}");
        }
    }
}

#[test]
fn servers_with_long_queues_have_equal_parts_of_any_number_of_slots() {
    for size in SIZES {
        for (takes, claims_first) in RUNS.into_iter().flat_map(|takes| [(takes, false), (takes, true)]) {
            let mut world = World::new(size.0, &vec![(takes, ANSWERS); size.1]);
            world.claims_first = claims_first;
            world.servers.iter_mut().for_each(|server| server.queue.extend(vec![0; 300_000]));
            (0..2000 + 60 * takes).for_each(|_| world.step());
            let equal = 1.0 / size.1 as f64;
            let parts: Vec<f64> = (0..size.1).map(|server| world.used(server)).collect();
            assert!(
                parts.iter().sum::<f64>() > 0.98,
                "{size:?}, runs of {takes} ms, {claims_first}: {parts:?}"
            );
            assert!(
                parts.iter().all(|part| (0.85 * equal..1.2 * equal).contains(part)),
                "{size:?}, runs of {takes} ms, {claims_first}: {parts:?}"
            );
        }
    }
}

#[test]
fn jobs_claimed_ahead_that_turn_out_slow_do_not_go_first() {
    let mut world = busy_and_quiet((16, 2), 1, false);
    world.servers[0].takes = 3000;
    (0..10).for_each(|_| world.step());
    let waited = wait_of(10, &mut world);
    assert!(waited <= 3000 + 2 * (QUIET_RUN + 3 * ANSWERS), "{waited} ms");
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
