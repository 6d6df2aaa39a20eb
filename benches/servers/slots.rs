//! Slots that all servers share, against workers of each server for themselves.

use crate::keys::{NAMES, owners, shares, zipf};
use crate::queue::{Job, Policy, quantile, run};
use crate::random::Random;
use crate::table::Table;

pub(crate) const SLOTS: usize = 96;
/// Seconds that a run takes in the mean.
pub(crate) const MEAN: f64 = 0.1;
const JOBS: usize = 100_000;

/// Jobs that arrive by chance, on servers by their shares, with runs of exponential length.
pub(crate) fn arrivals(shares: &[f64], load: f64, jobs: usize, random: &mut Random) -> Vec<Job> {
    let between = MEAN / (load * SLOTS as f64);
    let mut at = 0.0;
    let mut job = || {
        at += random.exponential(between);
        let mut left = random.fraction();
        let server = shares.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        Job { at, server: server.unwrap_or(shares.len() - 1), takes: random.exponential(MEAN) }
    };
    (0..jobs).map(|_| job()).collect()
}

/// The shares of servers with 10,000 keys by Zipf's law with exponent 1.
fn skewed(servers: usize) -> Vec<f64> {
    let owners = owners(&NAMES[..servers], 10_000);
    shares(servers, &owners, &zipf(10_000, 1.0), &mut Random::new(19))
}

pub(crate) fn table() -> Table {
    let head = [
        "servers",
        "busiest server",
        "load of all slots",
        "shared slots: wait p50 / p99",
        "own slots: wait p50 / p99",
    ];
    let mut table = Table::new("slots", &head);
    for servers in [3, 8] {
        let shares = skewed(servers);
        let hottest = shares.iter().copied().fold(0.0, f64::max);
        for load in [0.5, 0.7, 0.8, 0.9] {
            let jobs = arrivals(&shares, load, JOBS, &mut Random::new(7));
            let waits = |policy| {
                let waits = run(&jobs, servers, SLOTS, policy);
                format!("{:.0} / {:.0} ms", quantile(waits.clone(), 0.5), quantile(waits, 0.99))
            };
            let grows = hottest * load * servers as f64 > 1.0;
            table.rows.push(vec![
                servers.to_string(),
                format!("{:.0} %", hottest * 100.0),
                format!("{:.0} %", load * 100.0),
                waits(Policy::LeastLoaded),
                if grows { "grow without end".to_owned() } else { waits(Policy::Own) },
            ]);
        }
    }
    table
}
