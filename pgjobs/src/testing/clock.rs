//! The clock of a test's database.

use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};

use super::error::TestError;
use super::inner::Inner;
use crate::db::testing;

/// The clock of a test's database, which everything in schema `jobs` reads: when a job is due, how long a
/// backoff and a lease last, what retention drops.
///
/// It runs like any clock, from the time of the machine on, until a test moves or stops it. `scheduled_at`
/// and `delay` need nothing else, since the database decides when a job is due. What the program itself reads
/// from `Utc::now()` does not move.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn f(db: pgjobs::testing::Database) -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(db.drain().await?.retried, 1); // a first run fails, and waits for its backoff
/// db.clock().advance(Duration::from_secs(3600)).await?;
/// db.drain().await?.no_failures()?; // the second run
/// # Ok(()) }
/// ```
///
/// Workers live through such a jump: their leases move with it, since in the time that is jumped over they
/// would have sent their heartbeats. The exception are workers that died of an injected
/// [`Fault`](super::Fault), whose leases run out. Time limits of runs, and pauses between two polls, are real
/// time.
#[derive(Debug)]
pub struct Clock<'a>(pub(super) &'a Inner);

impl Clock<'_> {
    /// The time of the database.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn now(&self) -> Result<DateTime<Utc>, TestError> {
        Ok(testing::now(&self.0.pool).await?)
    }

    /// Moves the clock forward.
    ///
    /// # Errors
    /// [`TestError::Clock`] when the time would be after the year 9999; when the database cannot be reached.
    pub async fn advance(&self, by: Duration) -> Result<(), TestError> {
        self.shift(by.as_secs_f64()).await
    }

    /// Moves the clock to this time; nothing happens when that has passed already.
    ///
    /// ```no_run
    /// # async fn f(db: pgjobs::testing::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// db.clock().advance_to("2031-03-30T00:55:00Z".parse()?).await?; // before the hour that Berlin skips
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`advance`](Clock::advance).
    pub async fn advance_to(&self, at: DateTime<Utc>) -> Result<(), TestError> {
        let ahead = at - self.now().await?;
        match ahead.to_std() {
            // A microsecond more than is lost between a fraction of a second and an interval.
            Ok(ahead) => self.shift(ahead.as_secs_f64() + 1e-6).await,
            Err(_) => Ok(()),
        }
    }

    /// Stops the clock where it is: from here on only [`advance`](Clock::advance) moves it.
    ///
    /// For a test that compares times, or that must not lose a second while the machine is busy.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn stop(&self) -> Result<(), TestError> {
        Ok(testing::stop_clock(&self.0.pool).await?)
    }

    async fn shift(&self, seconds: f64) -> Result<(), TestError> {
        let left = (last_time() - self.now().await?).as_seconds_f64();
        if seconds > left {
            return Err(TestError::Clock { seconds });
        }
        Ok(testing::advance(&self.0.pool, seconds, &self.0.dead_workers()).await?)
    }
}

/// Beyond it, programs and the wire format have no dates.
fn last_time() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(9999, 12, 31, 0, 0, 0).single().unwrap_or(DateTime::<Utc>::MAX_UTC)
}
