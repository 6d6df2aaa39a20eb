//! The fault laboratory: real worker processes, real faults, and one checker.
//!
//! Each experiment starts four processes of a user's binary, publishes jobs at a steady pace and does harm
//! meanwhile. A job says over a connection of its own, which no fault touches, when it starts and when it
//! was fenced; its effect is a row that it writes in the transaction in which it ends. When everything has
//! ended, the checker compares what was published, what started, what took effect and what the history
//! says (`check`). An experiment goes on until its fault has struck often enough to show something, so that a busy
//! machine makes it longer and not red; one whose fault does not happen at all fails after a quarter of an hour.
//!
//! The whole set takes three and a half minutes on an idle machine, and libfaketime for the clocks; the cargo feature
//! `laboratory` turns it on. `PGJOBS_LABORATORY=long` makes each experiment ten times as long
//! (docs/src/reliability.md has the last results).

mod check;
mod experiment;
mod faults;
mod fleet;
mod publisher;
mod worlds;

use experiment::Experiment;
use faults::{Crowds, Cuts, Kills, Restarts, Sessions, Silence, Timeouts};
use worlds::{Clocks, FullDisks};

/// One after another: they would disturb each other's times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_loses_a_job_or_completes_one_twice() {
    pgjobs_tests::durable();
    println!(
        "| experiment | jobs | runs | faults | fenced | slowest recovery | lost | twice |\n|---|---|---|---|---|---|---|---|"
    );
    println!("{}", Experiment::new("workers killed and stopped", 5000, 85).run(Kills::default()).await);
    println!("{}", Experiment::new("sessions terminated", 1000, 80).run(Sessions::default()).await);
    println!(
        "{}",
        Experiment::new("connections cut, stalled, replies lost", 1000, 60).run(Cuts::default()).await
    );
    println!("{}", Experiment::new("statements timed out", 1000, 80).run(Timeouts::default()).await);
    println!("{}", Experiment::new("nobody notified", 800, 80).run(Silence::default()).await);
    println!("{}", Experiment::new("no connection left", 800, 80).run(Crowds::default()).await);
    println!("{}", Experiment::new("server crashed and recovered", 1000, 70).run(Restarts::default()).await);
    println!("{}", Experiment::new("clocks stepped an hour", 800, 60).run(Clocks::default()).await);
    println!("{}", Experiment::new("disk full", 800, 60).run(FullDisks::default()).await);
}
