//! Figures of a report: rates and pick-up times.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cli::output::failure::Failure;

/// A number of jobs, the time that they took, and their rate.
#[derive(Serialize, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) jobs: u64,
    pub(crate) seconds: f64,
    pub(crate) jobs_per_second: f64,
}

/// The rate of a steady flow: in total, and in its first and its last third.
#[derive(Serialize)]
pub(crate) struct Thirds {
    #[serde(flatten)]
    pub(crate) whole: Rate,
    #[serde(rename = "first_third")]
    pub(crate) first: Rate,
    #[serde(rename = "last_third")]
    pub(crate) last: Rate,
}

/// Pick-up times: each from just before the publish to the start of the run.
#[derive(Serialize)]
pub(crate) struct Pickup {
    pub(crate) samples: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    #[serde(rename = "p99_9_ms")]
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
}

impl Rate {
    pub(crate) fn new(jobs: u64, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        Rate { jobs, seconds, jobs_per_second: jobs as f64 / seconds.max(f64::EPSILON) }
    }
}

impl Thirds {
    pub(crate) fn of(parts: [Rate; 3]) -> Self {
        let jobs = parts.iter().map(|part| part.jobs).sum();
        let seconds = parts.iter().map(|part| part.seconds).sum();
        Thirds { whole: Rate::new(jobs, Duration::from_secs_f64(seconds)), first: parts[0], last: parts[2] }
    }
}

impl Pickup {
    pub(crate) fn of(samples: impl IntoIterator<Item = Duration>) -> Result<Self, Failure> {
        let mut histogram = histogram()?;
        for sample in samples {
            histogram.saturating_record(u64::try_from(sample.as_micros()).unwrap_or(u64::MAX));
        }
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Pickup {
            samples: histogram.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: histogram.max() as f64 / 1e3,
        })
    }
}

/// A histogram of microseconds up to a minute, with three significant digits. Its bounds are fixed, because
/// `saturating_record` does not grow a histogram that resizes itself.
fn histogram() -> Result<Histogram<u64>, Failure> {
    let histogram = Histogram::new_with_bounds(1, 60_000_000, 3);
    histogram.map_err(|error| Failure::failed(format!("the histogram cannot be made: {error}")))
}
