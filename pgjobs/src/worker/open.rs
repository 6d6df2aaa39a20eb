//! The connections that a worker needs, opened at its start: all of them, or it does not start.
//!
//! One that opened them when it needed them would work with what it got: claim without a heartbeat, or run jobs
//! whose outcomes go nowhere. Each part opens its own, on the thread that will use it, and says so; then all are
//! told to begin, or none.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::db::connection::DbConnection;
use crate::db::refusal::server_code;
use crate::types::error::Error;

/// How long a start may take, whatever the lease: a database that is far away takes dozens of round trips.
pub(super) const START: Duration = Duration::from_secs(30);
/// The parts that cannot do without a connection.
pub(super) const PARTS: usize = 3;
/// What the check of the connection has closed, the server may count for a moment longer.
const STILL_COUNTED: Duration = Duration::from_secs(2);

/// The side of the part.
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
    /// Opens the connection and says how that went; then whether to begin.
    pub(super) async fn open(self, db: &mut DbConnection) -> bool {
        let outcome = connect(db).await;
        let _ = self.opened.send(outcome); // the start was given up: then nothing is told to begin
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

/// Waits for all of them, and for the first reason why there are fewer.
pub(super) async fn all(parts: &mut [Opened]) -> Result<(), Error> {
    let (mut got, mut refusal) = (0, None);
    let needed = parts.len();
    for part in parts {
        match (&mut part.opened).await {
            Ok(Ok(())) => got += 1,
            Ok(Err(error)) => refusal = refusal.or(Some(error)),
            Err(_) => {} // its thread panicked, and said so
        }
    }
    match refusal {
        Some(error) => Err(too_few(error, needed, got)),
        None => Ok(()),
    }
}

/// In the words of what it means, when the server is full.
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
