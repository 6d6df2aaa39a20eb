//! How many times one server's work n servers do, before the busiest of them has more than it can.

use crate::keys::{NAMES, owners, shares, zipf};
use crate::random::Random;
use crate::table::{Table, thousands};

const SERVERS: [usize; 6] = [1, 2, 3, 4, 8, 16];
const DRAWS: usize = 25;

/// The median and the worst of the draws. The hottest server's share is 1 / multiple.
fn multiples(servers: usize, owners: &[usize], weights: &[f64]) -> (f64, f64) {
    let mut random = Random::new(19);
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| 1.0 / shares(servers, owners, weights, &mut random).into_iter().fold(0.0, f64::max))
        .collect();
    draws.sort_by(f64::total_cmp);
    (draws[DRAWS / 2], draws[0])
}

pub(crate) fn table() -> Table {
    let mut table = Table::new("spread", &["keys", "Zipf exponent", "hottest key"]);
    table.head.extend(SERVERS[1..].iter().map(|servers| format!("{servers} servers")));
    let all: Vec<_> = SERVERS.iter().map(|servers| owners(&NAMES[..*servers], 1_000_000)).collect();
    for keys in [1_000, 10_000, 100_000, 1_000_000] {
        let owners: Vec<_> = all.iter().map(|owners| &owners[..keys.min(owners.len())]).collect();
        for exponent in [0.0, 0.8, 1.0, 1.2] {
            let weights = zipf(keys, exponent);
            let mut row =
                vec![thousands(keys), format!("{exponent:.1}"), format!("{:.2} %", weights[0] * 100.0)];
            for (servers, owners) in SERVERS.iter().zip(&owners).skip(1) {
                let (median, worst) = multiples(*servers, owners, &weights);
                row.push(format!("{median:.2} ({worst:.2})"));
            }
            table.rows.push(row);
        }
    }
    table
}

/// One key has a share, all others are small: its server has the key and its part of the others.
pub(crate) fn one_hot_key() -> Table {
    let mut table = Table::new("one hot key", &["share of one key"]);
    table.head.extend(SERVERS[1..].iter().map(|servers| format!("{servers} servers")));
    table.head.push("any number".to_owned());
    for share in [0.01, 0.05, 0.1, 0.2, 0.5] {
        let mut row = vec![format!("{:.0} %", share * 100.0)];
        row.extend(SERVERS[1..].iter().map(|servers| {
            let hottest = share + (1.0 - share) / *servers as f64;
            format!("{:.2}", 1.0 / hottest)
        }));
        row.push(format!("{:.0}", 1.0 / share));
        table.rows.push(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_keys_use_all_servers_and_one_key_uses_one() {
        let owners = owners(&NAMES[..4], 100_000);
        let (median, worst) = multiples(4, &owners, &zipf(100_000, 0.0));
        assert!(median > 3.9 && worst > 3.9 && median <= 4.0, "{median} {worst}");
        let (median, _) = multiples(4, &owners[..1], &[1.0]);
        assert!((median - 1.0).abs() < 1e-9, "{median}");
    }

    #[test]
    fn a_hot_key_bounds_the_whole() {
        let weights = zipf(1000, 1.2);
        let (median, _) = multiples(16, &owners(&NAMES, 1000), &weights);
        assert!(median <= 1.0 / weights[0], "{median} of {}", 1.0 / weights[0]);
    }
}
