//! Opens the connections that a worker cannot do without, at its start: all of them, or it does not start.
//!
//! A worker that opened them on first use would work with those it got: claim without a heartbeat, or run
//! jobs whose outcomes go nowhere. Each loop opens its connection on the thread that will use it, and reports
//! the result; then all loops begin, or none.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::db::connection::DbConnection;
use crate::db::refusal::server_code;
use crate::types::error::Error;

/// How long a start may take, whatever the lease: with a distant database it takes dozens of round trips.
pub(super) const START: Duration = Duration::from_secs(30);
/// The number of loops that cannot work without a connection.
pub(super) const PARTS: usize = 3;
/// How long the server may still count the connections that the connection check has closed.
const STILL_COUNTED: Duration = Duration::from_secs(2);

/// The side of the loop.
pub(super) struct Opening {
    opened: oneshot::Sender<Result<(), Error>>,
    begin: oneshot::Receiver<()>,
}

/// The side of the start.
pub(super) struct Opened {
    opened: oneshot::Receiver<Result<(), Error>>,
    pub(super) begin: oneshot::Sender<()>,
}

pub(super) fn opening() -> (Opened, Opening) {
    let (tell_opened, opened) = oneshot::channel();
    let (begin, told_to_begin) = oneshot::channel();
    (Opened { opened, begin }, Opening { opened: tell_opened, begin: told_to_begin })
}

impl Opening {
    /// Opens the connection and reports the result; returns whether to begin.
    pub(super) async fn open(self, db: &mut DbConnection) -> bool {
        let outcome = connect(db).await;
        let _ = self.opened.send(outcome); // fails if the start was given up: then no loop begins
        self.begin.await.is_ok()
    }
}

async fn connect(db: &mut DbConnection) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        match db.connect(START).await {
            Err(error) if is_full(&error) && begun.elapsed() < STILL_COUNTED => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            outcome => return outcome,
        }
    }
}

/// Waits for all of them; returns the first error if any failed.
pub(super) async fn all(parts: &mut [Opened]) -> Result<(), Error> {
    let (mut got, mut refusal) = (0, None);
    let needed = parts.len();
    for part in parts {
        match (&mut part.opened).await {
            Ok(Ok(())) => got += 1,
            Ok(Err(error)) => refusal = refusal.or(Some(error)),
            Err(_) => {} // its thread panicked, and logged it
        }
    }
    match refusal {
        Some(error) => Err(too_few(error, needed, got)),
        None => Ok(()),
    }
}

/// Names the reason when the server has no connection left.
pub(super) fn too_few(error: Error, needed: usize, got: usize) -> Error {
    let is_full = is_full(&error);
    match error {
        Error::Database(source) if is_full => Error::TooFewConnections { needed, got, source },
        error => error,
    }
}

fn is_full(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code == "53300")
}
