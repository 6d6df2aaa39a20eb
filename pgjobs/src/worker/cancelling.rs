//! Runs of jobs that were cancelled: they are told, then cut off, then given up.
//!
//! The database has ended their jobs already, so that nothing that these runs report is accepted. What is
//! left is to stop the code. First its token fires, so that it can clean up. After the grace the task is
//! dropped where it waits, and the layers see an error. A layer that goes on for longer than layers may is
//! dropped with its run. A task that blocks its thread cannot be stopped from outside: it goes on, keeps
//! its slot, and the receipt says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::in_flight::{Key, key};
use super::leavers::Leaver;
use super::shared::Shared;
use crate::db::beat::{Cancelled, Received};
use crate::types::command::CommandState::{Applied, Refused};

/// How long each layer may go on after the task was cut off.
const LAYER: Duration = Duration::from_secs(1);
/// How long a run that was cut off or dropped may take to be gone.
const GONE: Duration = Duration::from_millis(500);

/// Tells the runs of a cancel that they are in vain, and sees that they end.
pub(super) fn cancel(shared: &Arc<Shared>, command: Received) {
    let details: Cancelled = match serde_json::from_value(command.details.clone()) {
        Ok(details) => details,
        Err(error) => {
            return shared.commands.answer(&command, Refused, format!("it cannot be read: {error}"));
        }
    };
    let grace = Duration::try_from_secs_f64(details.grace).unwrap_or_default();
    let asked: Vec<Key> = details.runs().collect();
    let (begun, unbegun) = shared.in_flight.cancel(&asked);
    let leavers: Vec<Leaver> = begun.into_iter().map(|(job, run)| Leaver { job, run }).collect();
    shared.counts.forgot(leavers.len() + unbegun);
    let keys: Vec<Key> = leavers.iter().map(|leaver| key(&leaver.job)).collect();
    shared.leavers.add(leavers);
    // Only now: a run that ends from here on takes itself out.
    shared.leavers.each(&keys, |leaver| {
        if leaver.job.ending().cancel() {
            shared.leavers.left(&leaver.job);
        }
    });
    let shared = shared.clone();
    tokio::spawn(async move {
        let said = end(&shared, &keys, grace, asked.len(), unbegun).await;
        shared.commands.answer(&command, Applied, said);
    });
}

/// Waits for the grace, cuts off what is left, and says how all of them ended.
async fn end(shared: &Shared, keys: &[Key], grace: Duration, asked: usize, unbegun: usize) -> String {
    let leavers = &shared.leavers;
    let _ = timeout(grace, leavers.are_gone(keys)).await;
    let cut = leavers.each(keys, |leaver| leaver.job.ending().cut());
    let layers = LAYER.saturating_mul(u32::try_from(shared.layers.len()).unwrap_or(u32::MAX));
    let _ = timeout(layers + GONE, leavers.are_gone(keys)).await;
    let dropped = leavers.each(keys, |leaver| leaver.run.iter().for_each(AbortHandle::abort));
    if dropped > 0 {
        let _ = timeout(GONE, leavers.are_gone(keys)).await;
    }
    let on = leavers.each(keys, |_| {});
    let ended = asked - keys.len() - unbegun;
    let parts = [
        (keys.len() - cut, "stopped by themselves"),
        (cut - on, "cut off"),
        (unbegun, "not begun"),
        (ended, "ended before"),
        (on, "running on: their code waits nowhere"),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(runs, _)| *runs > 0).map(|(runs, how)| format!("{runs} {how}")).collect();
    if said.is_empty() { "no runs".to_owned() } else { said.join(", ") }
}
