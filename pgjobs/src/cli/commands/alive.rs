//! The workers that live, as one counts processes: over several servers a worker is registered at each of them, with all
//! of its slots.

use std::collections::BTreeMap;

use crate::cli::database::readers::Of;
use crate::inspect::WorkerRow;

/// Workers of a process at one server, and their slots.
type Registered = (usize, i64);

/// Sums over live workers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Alive {
    pub(crate) workers: usize,
    pub(crate) slots: i64,
    /// Jobs in flight, which are counted at the server of each.
    pub(crate) held: i64,
}

impl Alive {
    /// Of each process the number of workers, and of their slots, at the server that has most of them.
    pub(crate) fn of(workers: &[Of<WorkerRow>]) -> Self {
        let mut processes: BTreeMap<(&str, i32), BTreeMap<Option<&str>, Registered>> = BTreeMap::new();
        let mut all = Alive::default();
        for Of { server, row } in workers.iter().filter(|worker| worker.row.alive) {
            let servers = processes.entry((&row.host, row.pid)).or_default();
            let (number, slots) = servers.entry(server.as_deref()).or_default();
            *number += 1;
            *slots = slots.saturating_add(i64::from(row.slots));
            all.held = all.held.saturating_add(row.held);
        }
        for servers in processes.values() {
            all.workers += servers.values().map(|(number, _)| *number).max().unwrap_or_default();
            let slots = servers.values().map(|(_, slots)| *slots).max().unwrap_or_default();
            all.slots = all.slots.saturating_add(slots);
        }
        all
    }
}
