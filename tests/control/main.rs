//! Commands to workers: what they do, and that each ends in a receipt whatever happens to its worker.

mod cancel;
mod faults;
mod sql;
mod tasks;
mod verbs;

use std::time::Duration;

use pgjobs::control::{self, Command, CommandRow, To};
use pgjobs_tests::Db;

/// The receipts of these commands, once all have ended.
async fn ended(db: &Db, commands: &[i64]) -> Vec<CommandRow> {
    let receipts = control::wait(&db.pool, commands, Duration::from_secs(120)).await.unwrap();
    assert!(receipts.iter().all(|receipt| receipt.state.has_ended()), "{receipts:?}");
    receipts
}

/// Sends a command to the one worker there is, and returns its state and answer.
async fn tell(db: &Db, command: Command) -> (String, String) {
    let sent = control::send(&db.pool, &To::all(), &command).await.unwrap();
    assert_eq!(sent.len(), 1, "one worker");
    let receipt = ended(db, &sent).await.remove(0);
    (receipt.state.to_string(), receipt.answer.unwrap_or_default())
}
