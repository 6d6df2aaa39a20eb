//! Delays before the next attempt, of a job or of a lost connection.

use std::time::Duration;

/// The delay before a failed job runs again.
///
/// Every delay is spread over 50–150 % of its value, so that jobs that failed together do not run again
/// together. The default is [`Backoff::DEFAULT`].
///
/// ```
/// use std::time::Duration;
/// use pgjobs::Backoff;
///
/// let backoff = Backoff::exponential(Duration::from_secs(1), Duration::from_secs(60));
/// assert!(backoff.delay(3) <= Duration::from_secs(12)); // 1 s doubled three times, and half again
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Backoff {
    /// The same delay each time.
    Fixed(Duration),
    /// `step` after the first failure, twice that after the second, and so on.
    Linear(Duration),
    /// `first` after the first failure, doubled after each further one, at most `max`.
    Exponential {
        /// The delay after the first failure.
        first: Duration,
        /// The longest delay before jitter, which makes it 0.5 to 1.5 times as long.
        max: Duration,
    },
}

/// Longer than any useful delay, and short enough for arithmetic on times.
const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

impl Backoff {
    /// 3 s doubled after each failure, at most one hour before jitter: the default of `jobs.nack`.
    pub const DEFAULT: Backoff = Backoff::exponential(Duration::from_secs(3), Duration::from_secs(3600));

    /// The same delay each time.
    pub const fn fixed(delay: Duration) -> Self {
        Backoff::Fixed(delay)
    }

    /// A delay that grows by `step` with each failure.
    pub const fn linear(step: Duration) -> Self {
        Backoff::Linear(step)
    }

    /// A delay that doubles with each failure, from `first` up to `max`.
    pub const fn exponential(first: Duration, max: Duration) -> Self {
        Backoff::Exponential { first, max }
    }

    /// The delay after `failures` earlier failures (0 for the first), jitter included.
    pub fn delay(&self, failures: u32) -> Duration {
        self.base(failures).min(LONGEST).mul_f64(0.5 + fastrand::f64())
    }

    fn base(&self, failures: u32) -> Duration {
        match *self {
            Backoff::Fixed(delay) => delay,
            Backoff::Linear(step) => step.saturating_mul(failures.saturating_add(1)),
            Backoff::Exponential { first, max } => {
                first.saturating_mul(2u32.saturating_pow(failures)).min(max)
            }
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_within_their_jitter_and_stay_below_the_cap() {
        let backoff = Backoff::exponential(Duration::from_secs(2), Duration::from_secs(100));
        for (failures, base) in [(0, 2.0), (1, 4.0), (5, 64.0), (6, 100.0), (4_000_000_000, 100.0)] {
            for _ in 0..100 {
                let delay = backoff.delay(failures).as_secs_f64();
                assert!((base * 0.5..=base * 1.5).contains(&delay), "{failures}: {delay}");
            }
        }
    }
}
