//! One server gets many jobs at once: what do the jobs of the others wait?

use crate::queue::{Job, Policy, quantile, run};
use crate::random::Random;
use crate::slots::{SLOTS, arrivals};
use crate::table::{Table, thousands};

const SERVERS: usize = 3;
/// Jobs of the first server that come at one time.
const FLOOD: usize = 20_000;

/// An even load of half the slots, and after ten seconds the flood.
fn jobs() -> Vec<Job> {
    let mut random = Random::new(11);
    let steady = arrivals(&[1.0 / SERVERS as f64; SERVERS], 0.5, 40_000, &mut random);
    let flood = (0..FLOOD).map(|_| Job { at: 10.0, server: 0, takes: random.exponential(0.1) });
    let mut jobs: Vec<Job> = steady.into_iter().chain(flood).collect();
    jobs.sort_by(|one, other| one.at.total_cmp(&other.at));
    jobs
}

pub(crate) fn table() -> Table {
    let head = ["a free slot goes to", "the others wait p50 / p99", "the flood is done after"];
    let mut table = Table::new("flood", &head);
    let jobs = jobs();
    for (policy, words) in [
        (Policy::LeastLoaded, "the server with the fewest running jobs"),
        (Policy::LongestQueue, "the server with the most waiting jobs"),
        (Policy::Own, "its own server"),
    ] {
        let waits = run(&jobs, SERVERS, SLOTS, policy);
        let during = |job: &Job| job.server != 0 && (10.0..40.0).contains(&job.at);
        let others: Vec<f64> =
            jobs.iter().zip(&waits).filter(|(job, _)| during(job)).map(|(_, wait)| *wait).collect();
        let flood = jobs.iter().zip(&waits).filter(|(job, _)| job.at == 10.0).map(|(_, wait)| *wait);
        let done = flood.fold(0.0, f64::max);
        let (p50, p99) = (quantile(others.clone(), 0.5), quantile(others, 0.99));
        let whole = |number: f64| thousands(number.round() as usize);
        table.rows.push(vec![
            words.to_owned(),
            format!("{} / {} ms", whole(p50), whole(p99)),
            format!("{} s", whole(done)),
        ]);
    }
    table
}
