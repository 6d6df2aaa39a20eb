//! Whether a worker lives and is ready.

use std::sync::Arc;
use std::time::Duration;

use super::counts::End;
use super::members::Members;
use super::outage::in_seconds;
use super::shared::Shared;

/// A loop that has not turned for so long does not turn: a round of calls to a database that does not answer
/// takes a lease.
const SHORTEST_STILL: Duration = Duration::from_secs(10);

/// Asks a running worker how it is, at any time and without a database; see [`WorkerHandle::health`]. It may
/// be cloned and outlive the worker.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let worker = pgjobs::Worker::new(pool).start().await?;
/// let health = worker.health();
/// if let Err(reason) = health.is_alive() {
///     eprintln!("start this process anew: {reason}");
/// }
/// # Ok(()) }
/// ```
///
/// [`WorkerHandle::health`]: crate::WorkerHandle::health
#[derive(Clone)]
pub struct WorkerHealth(pub(super) Arc<Members>);

impl WorkerHealth {
    /// Whether its loops turn. An `Err` says why only a new process helps: a loop ended, or stands still, or
    /// the runtime of the tasks runs nothing. A database that is away is no reason: the worker waits for it.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn is_alive(&self) -> Result<(), String> {
        if self.0.team.report().end == End::Broken {
            return Err("a part of the worker ended abnormally; its log says which".to_owned());
        }
        self.0.begun().iter().try_for_each(|shared| turns(shared))
    }

    /// Whether it takes jobs: it lives, is registered and does not end. Of several servers it has to be
    /// registered at one; [`servers`](WorkerHealth::servers) has each.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn is_ready(&self) -> Result<(), String> {
        self.is_alive()?;
        if self.0.team.stop.is_draining() {
            return Err("the worker ends".to_owned());
        }
        let mut states = self.servers();
        match states.iter().position(|(_, state)| state.is_ok()) {
            Some(_) => Ok(()),
            None => states.swap_remove(0).1,
        }
    }

    /// For each server, by name, whether the worker is registered there and its database answers; an `Err`
    /// has the reason, for people.
    ///
    /// ```no_run
    /// # fn f(worker: &pgjobs::WorkerHandle) {
    /// for (server, state) in worker.health().servers() {
    ///     println!("{server}: {}", state.err().unwrap_or_else(|| "well".to_owned()));
    /// }
    /// # }
    /// ```
    pub fn servers(&self) -> Vec<(String, Result<(), String>)> {
        let begun = self.0.begun();
        let state = |place| match begun.iter().find(|shared| shared.place == place) {
            None => Err("it has not been reached yet".to_owned()),
            Some(shared) if shared.view().lost => {
                Err("the database declared the worker dead; it registers anew".to_owned())
            }
            Some(shared) if shared.outage.is_away() && !self.0.team.is_alone() => {
                Err("the database does not answer".to_owned())
            }
            Some(_) => Ok(()),
        };
        let seats = self.0.team.seats.iter().enumerate();
        seats.map(|(place, seat)| (seat.name.clone(), state(place))).collect()
    }
}

/// Whether the loops for a server turn.
fn turns(shared: &Shared) -> Result<(), String> {
    let longest = (2 * shared.settings.lease).max(SHORTEST_STILL);
    if shared.is_stuck() {
        return Err("the runtime of the tasks runs nothing: a task blocks all its threads".to_owned());
    }
    match shared.turns.last().map(|last| last.elapsed()) {
        Some(still) if still > longest && !shared.stop.has_left() => {
            Err(format!("the heartbeat loop has not turned for {}", in_seconds(still)))
        }
        _ => Ok(()),
    }
}
