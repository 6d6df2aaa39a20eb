//! What a bigger machine would give, computed from shares of work that were measured on two cores.
//!
//! Only three things bound it here: the cores, the one connection by which a worker settles on each server, and the
//! write-ahead log of each server. What processes of one PostgreSQL do to each other when there are many is not in
//! it, so these are upper bounds.

use crate::table::{Table, thousands};

/// Microseconds of a core for one job, from claim to end: two cores drain 170,000 a second (performance.md).
const DRAIN: f64 = 2.0 / 0.170;
/// The part of it that the connection does by which a worker settles: one process of the server.
const SETTLE: f64 = 0.38 * DRAIN;
/// Bytes of log for each job that is drained (performance.md: claim and settle), published together.
const LOG: f64 = 199.0 + 352.0;
/// Bytes a second that one server can flush to its log: a local disk of the better kind.
const FLUSH: f64 = 500e6;

/// Jobs a second that are drained.
fn rate(cores: f64, servers: f64, workers: f64) -> f64 {
    let by_cores = cores / DRAIN * 1e6;
    let by_settles = servers * workers / SETTLE * 1e6;
    let by_log = servers * FLUSH / LOG;
    by_cores.min(by_settles).min(by_log)
}

pub(crate) fn table() -> Table {
    let head = [
        "cores",
        "one server, one worker",
        "one server, four workers",
        "three servers, one worker",
        "three servers, four workers",
        "log of a server in the last",
    ];
    let mut table = Table::new("machine", &head);
    for cores in [2.0, 4.0, 8.0, 16.0, 32.0, 64.0] {
        let shown =
            |servers, workers| thousands((rate(cores, servers, workers) / 1000.0).round() as usize * 1000);
        let log = rate(cores, 3.0, 4.0) / 3.0 * LOG / 1e6;
        table.rows.push(vec![
            format!("{cores:.0}"),
            shown(1.0, 1.0),
            shown(1.0, 4.0),
            shown(3.0, 1.0),
            shown(3.0, 4.0),
            format!("{log:.0} MB/s"),
        ]);
    }
    table
}
