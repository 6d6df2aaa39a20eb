//! Drives all decisions of a worker through thousands of schedules.
//!
//! A schedule is a few seconds of a worker's life, in steps of a millisecond: jobs are published, calls to
//! the database take their time, fail, or lose their answer, the process is suspended, the worker is asked to
//! stop. Everything in it comes from its seed. `PGJOBS_SEED=17 cargo test -p pgjobs simulation` repeats one,
//! `PGJOBS_SCHEDULES=100000` drives more.
//!
//! The schedules drive the code that runs in a worker. What replaces the rest knows of a job only which
//! worker it belongs to, and of a worker only until when it is alive.

mod claiming;
mod database;
mod gathering;
mod heartbeats;
mod room;
mod seen;
mod settling;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use claiming::Claiming;
use heartbeats::Keeping;
use seen::Seen;
use settling::Settling;
use world::{Faults, LEASE, LONGEST, World};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Steps the world and the worker in it, until the worker has left.
fn run_schedule(world: &mut World) {
    world.database.register(world.identity(), LEASE);
    let (mut claiming, mut settling, mut keeping) =
        (Claiming::new(world), Settling::default(), Keeping::new(world));
    while world.ms < LONGEST && !(claiming.has_ended() && settling.has_ended() && world.has_left()) {
        world.ms += 1;
        world.publish();
        world.database.sweep(world.ms);
        if world.stands_still() {
            continue;
        }
        world.draining |= world.ms >= world.stop_at;
        keeping.step(world);
        claiming.step(world);
        world.start_and_end_runs();
        world.closing |= world.draining && claiming.has_ended() && world.in_flight.is_empty();
        settling.step(world);
    }
}

/// Drives the schedules of these seeds, and adds up what happened in them.
fn drive(faults: Faults, check: fn(&World)) -> Seen {
    let seeds = match number("PGJOBS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PGJOBS_SCHEDULES").unwrap_or(300),
    };
    let mut total = Seen::default();
    for seed in seeds {
        let run = || {
            let mut world = World::new(seed, faults);
            run_schedule(&mut world);
            check(&world);
            world.seen
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(seen) => total.add(&seen),
            Err(_) => panic!("PGJOBS_SEED={seed} repeats it"),
        }
    }
    total
}

#[test]
fn whatever_fails_every_job_ends_and_so_does_the_worker() {
    let seen = drive(Faults::All, |world| {
        assert!(world.has_left(), "the worker was told to end and did not");
        // While the database is away, the worker cannot release jobs: those that are left are requeued when
        // the worker unregisters, or when its lease expires.
        let left = world.database.claimed_by(world.identity());
        assert!(left == 0 || world.ended_in_trouble(), "{left} jobs stayed with a worker that left in order");
    });
    // Schedules without faults prove nothing.
    if number("PGJOBS_SEED").is_none() {
        for (count, what) in seen.counts() {
            assert!(count > 0, "no {what} in any schedule");
        }
    }
}

#[test]
fn without_faults_no_lease_is_lost_and_nothing_is_released() {
    let seen = drive(Faults::None, |world| {
        assert!(world.has_left());
        assert!(world.database.all_ended(), "a job was left");
    });
    assert_eq!((seen.lost, seen.released_claim, seen.quiet_rounds), (0, 0, 0));
}

#[test]
fn a_worker_claims_again_when_a_limit_lets_jobs_start() {
    let seen = drive(Faults::Limit, |world| {
        assert!(world.has_left());
        assert!(world.database.all_ended(), "a job was left");
    });
    assert!(seen.waited_for_limit > 100, "{}", seen.waited_for_limit);
}

#[test]
fn a_burst_ends_by_itself_when_nothing_is_left() {
    drive(Faults::Burst, |world| {
        assert!(world.has_left(), "a burst goes on");
        assert!(world.database.all_ended(), "a burst ended before the work did");
    });
}
