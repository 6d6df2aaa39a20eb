//! The rates of a limit for code that is no job.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};

use crate::db::limit as db;
use crate::types::error::Error;

/// The longest pause between two questions: the limit may change, or its key be opened, meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Takes part in the rates of a limit, beside the jobs that it covers: for calls of a service from a web
/// request or a script, which count as the calls from jobs do.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// pgjobs::limiter("stripe").key("acme").acquire(&pool).await?;
/// // … one call of the service …
/// # Ok(()) }
/// ```
pub fn limiter(name: impl Into<String>) -> Limiter {
    Limiter { name: name.into(), key: Ok(Value::Null), cost: 1 }
}

/// The rates of a limit, see [`limiter`].
#[must_use = "nothing is taken before .acquire(…).await"]
#[derive(Debug)]
pub struct Limiter {
    name: String,
    key: Result<Value, Error>,
    cost: i32,
}

/// What became of a [`Limiter::try_acquire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// The starts were taken.
    Granted,
    /// Nothing was taken: there will be room after this time, if nobody else takes it. A day at most while
    /// the key is closed without an end.
    After(Duration),
}

impl Limiter {
    /// The value of the limit's key: one, or several as a tuple or array. A limit without a key takes none.
    pub fn key(mut self, key: impl Serialize) -> Self {
        self.key = db::key(key);
        self
    }

    /// How many starts it takes at once; 1 otherwise, and 1 at least.
    pub fn cost(mut self, starts: u32) -> Self {
        self.cost = i32::try_from(starts.max(1)).unwrap_or(i32::MAX);
        self
    }

    /// Takes the starts if the rates have room now; never waits for time to pass.
    ///
    /// In a transaction of yours the starts are taken at its commit, and until then claims of the jobs that
    /// the limit covers wait.
    ///
    /// # Errors
    /// [`Error::Refused`] with `PT404` for a name that no limit has, with `PT400` for a limit without rates
    /// or another number of values in the key; [`Error::Encode`] for a key that is not JSON.
    pub async fn try_acquire(self, database: impl PgExecutor<'_>) -> Result<Acquired, Error> {
        ask(&self.name, &self.key?, self.cost, database).await
    }

    /// Waits until the rates have room, and takes the starts. Those who wait are not in a line: each asks
    /// again when there should be room, a little later than told. Dropping the future takes nothing.
    ///
    /// # Errors
    /// As [`try_acquire`](Limiter::try_acquire).
    pub async fn acquire(self, pool: &PgPool) -> Result<(), Error> {
        let key = self.key?;
        while let Acquired::After(wait) = ask(&self.name, &key, self.cost, pool).await? {
            tokio::time::sleep(pause(wait, fastrand::f64())).await;
        }
        Ok(())
    }
}

async fn ask(name: &str, key: &Value, cost: i32, database: impl PgExecutor<'_>) -> Result<Acquired, Error> {
    let seconds = db::acquire(database, name, key, cost).await?;
    if seconds > 0.0 {
        return Ok(Acquired::After(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)));
    }
    Ok(Acquired::Granted)
}

/// A little longer than told, so that those who were told the same do not all ask at once. `chance` lies
/// within 0 and 1.
fn pause(wait: Duration, chance: f64) -> Duration {
    let jitter = (wait / 4).min(Duration::from_millis(250)).mul_f64(chance);
    wait.saturating_add(jitter).clamp(Duration::from_millis(1), LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_little_longer_than_told_and_never_without_end() {
        let millis = Duration::from_millis;
        assert_eq!(pause(millis(100), 0.0), millis(100));
        assert_eq!(pause(millis(100), 1.0), millis(125));
        assert_eq!(pause(millis(4000), 1.0), millis(4250));
        assert_eq!(pause(Duration::from_nanos(1), 0.5), millis(1));
        assert_eq!(pause(Duration::MAX, 1.0), LONGEST_PAUSE);
    }
}
