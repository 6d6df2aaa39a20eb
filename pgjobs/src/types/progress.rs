//! How far a run is, and what it logged.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

/// How far one run of a job is, or was when it ended: its newest report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// The attempt that said so, from 1.
    pub attempt: i32,
    /// When the report reached the database.
    pub at: DateTime<Utc>,
    /// How much is done, in units of the task's own.
    pub done: f64,
    /// How much there is to do in all, if the task knows.
    pub total: Option<f64>,
    /// What the task says to it; `None` also for a caller who may not read logs.
    pub note: Option<String>,
}

impl Progress {
    /// The part that is done, 0 to 1; `None` when the total is not known or zero.
    pub fn fraction(&self) -> Option<f64> {
        self.total.filter(|total| *total > 0.0).map(|total| (self.done / total).clamp(0.0, 1.0))
    }
}

/// One line of the log of a job.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LogLine {
    /// Where it is in the log of its job: the attempt times a million, plus the number of the line in that
    /// run.
    pub position: i64,
    /// The attempt that logged it, from 1.
    pub attempt: i32,
    /// When it was logged, by the worker's clock.
    pub at: DateTime<Utc>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Where in the program: the target of the event, which is a module path unless it was set.
    pub target: String,
    /// The message.
    pub message: String,
    /// The fields of the event, as JSON.
    pub fields: Option<Box<RawValue>>,
}

/// An amount of work: any number of Rust's.
///
/// Amounts are kept as `f64`, which is exact for whole numbers up to 2^53.
pub trait Amount: sealed::Number {}

/// An [`Amount`], or `None` when it is not known.
pub trait Total: sealed::MaybeNumber {}

pub(crate) mod sealed {
    pub trait Number {
        fn number(self) -> f64;
    }

    pub trait MaybeNumber {
        fn maybe_number(self) -> Option<f64>;
    }
}

macro_rules! amounts {
    ($($number:ty)*) => {$(
        impl Amount for $number {}
        impl Total for $number {}
        impl sealed::Number for $number {
            fn number(self) -> f64 {
                self as f64
            }
        }
        impl sealed::MaybeNumber for $number {
            fn maybe_number(self) -> Option<f64> {
                Some(sealed::Number::number(self))
            }
        }
    )*};
}

amounts!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);

impl Total for Option<f64> {}
impl sealed::MaybeNumber for Option<f64> {
    fn maybe_number(self) -> Option<f64> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_needs_a_total_and_lies_within_zero_and_one() {
        let of = |done, total| {
            Progress { attempt: 1, at: DateTime::UNIX_EPOCH, done, total, note: None }.fraction()
        };
        assert_eq!(of(1.0, Some(4.0)), Some(0.25));
        assert_eq!((of(1.0, None), of(1.0, Some(0.0))), (None, None));
        assert_eq!((of(9.0, Some(3.0)), of(-1.0, Some(3.0))), (Some(1.0), Some(0.0)));
    }
}
