//! One of three servers is away for a minute; publishers for it wait, and publish when it is back.

use crate::queue::{Job, Policy, quantile, run};
use crate::random::Random;
use crate::slots::{MEAN, SLOTS, arrivals};
use crate::table::Table;

const SERVERS: usize = 3;
/// When it goes, and when it is back, in seconds.
const GONE: f64 = 60.0;
const BACK: f64 = 120.0;
/// Seconds of a step.
const STEP: f64 = 0.01;
/// Workers can do this many times the load.
const ROOM: f64 = 1.25;

/// The time from the return until nothing waits, in seconds. `load` is each server's, as a part of what a server
/// can do; `shared` says whether the workers of the others help.
fn catch_up(load: f64, shared: bool) -> f64 {
    let mut backlog = load * (BACK - GONE);
    let workers = load * ROOM;
    let free_of_others = if shared { (SERVERS - 1) as f64 * (workers - load) } else { 0.0 };
    let rate = (workers + free_of_others).min(1.0);
    let mut time = 0.0;
    while backlog > 1e-9 && rate > load + 1e-6 {
        backlog += (load - rate) * STEP;
        time += STEP;
    }
    time
}

/// How soon the server has caught up, by its load.
pub(crate) fn table() -> Table {
    let head = ["load of each server", "waits at its return", "caught up, shared slots", "own slots"];
    let mut table = Table::new("outage", &head);
    for load in [0.3, 0.5, 0.7, 0.8, 0.9] {
        table.rows.push(vec![
            format!("{:.0} %", load * 100.0),
            format!("{:.0} s of its full rate", load * (BACK - GONE)),
            format!("after {:.0} s", catch_up(load, true)),
            format!("after {:.0} s", catch_up(load, false)),
        ]);
    }
    table
}

/// Five minutes of jobs; those of the first server wait at their publishers while it is away.
fn jobs() -> Vec<Job> {
    let load = 1.0 / ROOM;
    let count = (300.0 * load * SLOTS as f64 / MEAN) as usize;
    let mut jobs = arrivals(&[1.0 / SERVERS as f64; SERVERS], load, count, &mut Random::new(13));
    for job in jobs.iter_mut().filter(|job| job.server == 0 && (GONE..BACK).contains(&job.at)) {
        job.at = BACK;
    }
    jobs.sort_by(|one, other| one.at.total_cmp(&other.at));
    jobs
}

/// What the other servers' jobs hear of it: how many end in the minute, against the one before, and how long they wait.
pub(crate) fn of_the_others() -> Table {
    let head = [
        "",
        "rate of the others in that minute",
        "they wait p99 before",
        "in that minute",
        "in the minute of the return",
    ];
    let mut table = Table::new("outage of one, the others", &head);
    let jobs = jobs();
    for (policy, words) in [(Policy::LeastLoaded, "shared slots"), (Policy::Own, "own slots")] {
        let waits = run(&jobs, SERVERS, SLOTS, policy);
        let others = || jobs.iter().zip(&waits).filter(|(job, _)| job.server != 0);
        let ended = |from: f64| {
            let end = |(job, wait): (&Job, &f64)| job.at + wait + job.takes;
            others().map(end).filter(|end| (from..from + 60.0).contains(end)).count() as f64
        };
        let wait = |from: f64| {
            let within = others().filter(|(job, _)| (from..from + 60.0).contains(&job.at));
            format!("{:.0} ms", quantile(within.map(|(_, wait)| *wait), 0.99))
        };
        table.rows.push(vec![
            words.to_owned(),
            format!("{:.2}", ended(GONE) / ended(GONE - 60.0)),
            wait(GONE - 60.0),
            wait(GONE),
            wait(BACK),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_catch_up_is_the_backlog_by_the_spare_rate() {
        assert!((catch_up(0.5, false) - 30.0 / 0.125).abs() < 0.1);
        assert!((catch_up(0.5, true) - 30.0 / 0.375).abs() < 0.1);
        assert!((catch_up(0.9, true) - 54.0 / 0.1).abs() < 0.1, "the server itself is the bound");
    }
}
