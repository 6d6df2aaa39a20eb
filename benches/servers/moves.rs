//! What adding a server, and draining one, moves: keys of later publishes, and no job.

use crate::keys::{NAMES, owners};
use crate::table::Table;

const KEYS: usize = 100_000;

/// The parts of the keys that move to, or from, the last server, and between the others.
fn moved(before: &[usize], after: &[usize], last: usize) -> (f64, f64) {
    let moved = before.iter().zip(after).filter(|(before, after)| before != after);
    let (mut with_it, mut others) = (0, 0);
    for (before, after) in moved {
        if *before == last || *after == last { with_it += 1 } else { others += 1 }
    }
    (with_it as f64 / KEYS as f64, others as f64 / KEYS as f64)
}

pub(crate) fn table() -> Table {
    let head = [
        "servers",
        "keys that move",
        "one n-th",
        "keys that move between others",
        "jobs that move",
        "busiest server after it",
    ];
    let mut table = Table::new("moves", &head);
    for (from, to) in [(1, 2), (2, 3), (3, 4), (7, 8), (15, 16), (4, 3), (3, 2)] {
        let (before, after) = (owners(&NAMES[..from], KEYS), owners(&NAMES[..to], KEYS));
        let (moved, others) = moved(&before, &after, from.max(to) - 1);
        let largest =
            (0..to).map(|server| after.iter().filter(|owner| **owner == server).count()).max().unwrap_or(0);
        let percent = |part: f64| format!("{:.1} %", part * 100.0);
        table.rows.push(vec![
            format!("{from} → {to}"),
            percent(moved),
            percent(1.0 / from.max(to) as f64),
            percent(others),
            "0".to_owned(),
            percent(largest as f64 / KEYS as f64),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_move_to_the_new_server_only() {
        let (before, after) = (owners(&NAMES[..3], KEYS), owners(&NAMES[..4], KEYS));
        let (with_it, others) = moved(&before, &after, 3);
        assert!((with_it - 0.25).abs() < 0.01 && others == 0.0, "{with_it} {others}");
    }
}
