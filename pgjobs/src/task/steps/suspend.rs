//! Sleeps and waits for signals: the run ends, and a later one goes on behind them.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::names::Kind;
use super::{StepError, Steps, values};
use crate::db::steps::{self as db, Awaited};

impl Steps {
    /// Sleeps for so long, at most ten years, without a slot and without a worker: the run ends here, uncounted, and
    /// another one goes on behind it when the time is over. The time counts from the first run that gets here.
    ///
    /// It returns once the time is over. Until then it never returns: the worker drops the task where it
    /// waits, with all that waits beside it (a `select!`, a `join!`), so let nothing wait beside it. What must
    /// survive is recorded in steps before.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn f(steps: &pgjobs::Steps) -> Result<(), pgjobs::TaskError> {
    /// steps.sleep("a day", Duration::from_secs(86_400)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`step`](Steps::step).
    pub async fn sleep(&self, name: impl Into<String>, time: Duration) -> Result<(), StepError> {
        let name = name.into();
        if self.recorded(&name, Kind::Sleep).await?.is_some_and(|sleep| sleep.is_over) {
            self.note_use(&name);
            return Ok(());
        }
        let left = db::sleep(&self.pool, &self.run(), &name, time).await;
        let left = left.map_err(|error| self.error(&name, error))?;
        if !left.is_zero() {
            self.suspend(left).await
        }
        self.note_use(&name);
        Ok(())
    }

    /// Waits for a signal of this name ([`signal`](crate::signal()), `jobs.signal` in SQL, `pgjobs signal`)
    /// and returns its payload; `None` when none came within `timeout`, which counts from the first run that
    /// gets here and is at most ten years. Then later runs get `None` too, whatever comes.
    ///
    /// The job waits without a slot and without a worker, as in [`sleep`](Steps::sleep), with what is said there.
    /// No signal is missed: one that is sent before the job asks for it is kept for `jobs.config.signal_days`
    /// days (14), and the first one of a name holds. So a name is one occasion: `approve/4711`, not `approve`.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn f(steps: &pgjobs::Steps, order: i64) -> Result<(), pgjobs::TaskError> {
    /// let by: Option<String> = steps.wait_for(format!("approve/{order}"), Duration::from_secs(86_400)).await?;
    /// match by {
    ///     Some(name) => println!("approved by {name}"),
    ///     None => println!("nobody approved it within a day"),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`step`](Steps::step); [`StepError::Value`] when the payload is no `T`.
    pub async fn wait_for<T: DeserializeOwned>(
        &self,
        name: impl Into<String>,
        timeout: Duration,
    ) -> Result<Option<T>, StepError> {
        let name = name.into();
        if let Some(signal) = self.recorded(&name, Kind::Signal).await?
            && signal.is_over
        {
            self.note_use(&name);
            return signal.value.map(|payload| values::read(&name, Some(payload))).transpose();
        }
        let awaited = db::await_signal(&self.pool, &self.run(), &name, timeout).await;
        let payload = match awaited.map_err(|error| self.error(&name, error))? {
            Awaited::Waiting(left) => self.suspend(left).await,
            Awaited::TimedOut => None,
            Awaited::Sent(payload) => Some(payload),
        };
        self.note_use(&name);
        payload.map(|payload| values::read(&name, Some(payload))).transpose()
    }

    /// Has the worker end the run, with another one after so long. It never returns, so that no code can take
    /// the end of a run for an answer.
    async fn suspend<T>(&self, left: Duration) -> T {
        self.job.ending().suspend(left);
        std::future::pending().await
    }
}
