//! Whether a worker lives and is ready.

use std::sync::Arc;
use std::time::Duration;

use super::counts::End;
use super::outage::in_seconds;
use super::shared::Shared;

/// A loop that has not turned for so long does not turn: a round of calls to a database that does not answer
/// takes a lease.
const SHORTEST_STILL: Duration = Duration::from_secs(10);

/// Asks a running worker how it is, at any time and without a database; see [`WorkerHandle::health`]. It may be
/// cloned and outlive the worker.
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
pub struct WorkerHealth(pub(super) Arc<Shared>);

impl WorkerHealth {
    /// Whether its loops turn. An `Err` says why only a new process helps: a loop ended, or stands still, or
    /// the runtime of the tasks runs nothing. A database that is away is no reason: the worker waits for it.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn is_alive(&self) -> Result<(), String> {
        let shared = &self.0;
        let longest = (2 * shared.settings.lease).max(SHORTEST_STILL);
        if shared.counts.report().end == End::Broken {
            return Err("a part of the worker ended abnormally; its log says which".to_owned());
        }
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

    /// Whether it takes jobs: it lives, is registered and does not end.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn is_ready(&self) -> Result<(), String> {
        self.is_alive()?;
        if self.0.stop.is_draining() {
            return Err("the worker ends".to_owned());
        }
        if self.0.view().lost {
            return Err("the database declared the worker dead; it registers anew".to_owned());
        }
        Ok(())
    }
}
