//! Runs that may not start before the database knows.
//!
//! A job that was claimed ahead comes back uncharged when its worker dies, as long as the database does not have it as
//! started. Most runs tell that with the next heartbeat. One on its job's last run may not start before: were it lost
//! in between, it would run once more than it may.

use tokio::sync::mpsc;

use super::shared::{Shared, Start};
use crate::db::claim;
use crate::db::connection::DbConnection;
use crate::types::error::Error;

/// At most so many are told at once.
const MOST: usize = 1000;

pub(super) struct Starts {
    asked: mpsc::UnboundedReceiver<Start>,
    /// Received, and the database has not answered yet.
    open: Vec<Start>,
}

impl Starts {
    pub(super) fn new(asked: mpsc::UnboundedReceiver<Start>) -> Self {
        Starts { asked, open: Vec::new() }
    }

    /// Returns once there is one to tell.
    pub(super) async fn asked(&mut self) {
        if self.open.is_empty() && self.asked.recv_many(&mut self.open, MOST).await == 0 {
            std::future::pending().await // unreachable: the sender lives as long as the worker
        }
    }

    /// Tells the database of all that were asked for, and the runs whether they may start.
    pub(super) async fn tell(&mut self, db: &mut DbConnection, shared: &Shared) -> Result<(), Error> {
        while self.open.len() < MOST {
            let Ok(start) = self.asked.try_recv() else { break };
            self.open.push(start);
        }
        self.open.retain(|start| !start.answer.is_closed());
        if self.open.is_empty() {
            return Ok(());
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
        Ok(())
    }
}
