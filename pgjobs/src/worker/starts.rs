//! Runs that may not start before the database has recorded their start.
//!
//! A prefetched job whose worker dies is requeued, and its run does not count as an attempt as long as the
//! database does not have it as started. Most runs report their start with the next heartbeat. The last run
//! of a job may not start before it is reported: if it were lost in between, the job would run once more than
//! it may.

use tokio::sync::mpsc;

use super::shared::{Shared, Start};
use crate::db::claim;
use crate::db::connection::DbConnection;
use crate::types::error::Error;

/// The most starts reported in one call.
const MOST: usize = 1000;

pub(super) struct Starts {
    asked: mpsc::UnboundedReceiver<Start>,
    /// Received, and not yet answered by the database.
    open: Vec<Start>,
}

impl Starts {
    pub(super) fn new(asked: mpsc::UnboundedReceiver<Start>) -> Self {
        Starts { asked, open: Vec::new() }
    }

    /// Returns once there is a start to report.
    pub(super) async fn asked(&mut self) {
        if self.open.is_empty() && self.asked.recv_many(&mut self.open, MOST).await == 0 {
            std::future::pending().await // unreachable: the sender lives as long as the worker
        }
    }

    /// Reports all requested starts to the database, and answers each run whether it may start. Returns whether
    /// there were any.
    pub(super) async fn tell(&mut self, db: &mut DbConnection, shared: &Shared) -> Result<bool, Error> {
        self.receive();
        if self.open.is_empty() {
            return Ok(false);
        }
        let (worker, runs) = (shared.identity(), self.open.iter().map(|start| start.run).collect::<Vec<_>>());
        let refused = db.call(async |connection| claim::start(connection, worker, &runs).await).await?;
        for (at, start) in self.open.drain(..).enumerate() {
            let may_start = !refused.contains(&at);
            if may_start {
                shared.in_flight.count(start.run);
            }
            let _ = start.answer.send(may_start);
        }
        Ok(true)
    }

    /// Lets none of them start: the jobs are released, and their slots are free.
    pub(super) fn refuse(&mut self) {
        self.receive();
        for start in self.open.drain(..) {
            let _ = start.answer.send(false);
        }
    }

    /// Takes up what was asked since.
    fn receive(&mut self) {
        while self.open.len() < MOST {
            let Ok(start) = self.asked.try_recv() else { break };
            self.open.push(start);
        }
        self.open.retain(|start| !start.answer.is_closed());
    }
}
