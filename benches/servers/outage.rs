//! One of three servers is away for a minute; publishers for it wait and publish when it is back.

use crate::table::Table;

const SERVERS: usize = 3;
const AWAY: f64 = 60.0;
/// Seconds of a step.
const STEP: f64 = 0.01;
/// Workers can do this many times the load.
const ROOM: f64 = 1.25;

/// The time from the return until nothing waits, in seconds. `load` is each server's, as a part of what a server
/// can do; `shared` says whether the workers of the others help.
fn catch_up(load: f64, shared: bool) -> f64 {
    let mut backlog = load * AWAY;
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

pub(crate) fn table() -> Table {
    let head = [
        "load of each server",
        "rate of the others meanwhile",
        "waits at its return",
        "caught up, shared slots",
        "own slots",
    ];
    let mut table = Table::new("outage", &head);
    for load in [0.3, 0.5, 0.7, 0.8, 0.9] {
        table.rows.push(vec![
            format!("{:.0} %", load * 100.0),
            "1.00".to_owned(),
            format!("{:.0} s of its full rate", load * AWAY),
            format!("after {:.0} s", catch_up(load, true)),
            format!("after {:.0} s", catch_up(load, false)),
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
