//! The figures, and what they were made with.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cli::table::table;
use crate::cli::words;

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) settings: Settings,
    #[serde(flatten)]
    pub(super) figures: Figures,
}

#[derive(Serialize)]
pub(super) struct Settings {
    pub(super) server: String,
    pub(super) server_version: String,
    pub(super) fsync: String,
    pub(super) synchronous_commit: String,
    pub(super) cores: usize,
    pub(super) concurrency: u16,
    pub(super) debug_build: bool,
}

#[derive(Serialize)]
pub(super) struct Figures {
    pub(super) bulk_publish: Rate,
    pub(super) drain: Rate,
    pub(super) single_publish: Rate,
    pub(super) pick_up: Pickup,
}

/// So many jobs in so much time.
#[derive(Serialize)]
pub(super) struct Rate {
    jobs: u32,
    seconds: f64,
    jobs_per_second: f64,
}

/// How long an idle worker takes to start a job.
#[derive(Serialize)]
pub(super) struct Pickup {
    samples: u64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Rate {
    pub(super) fn new(jobs: u32, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        Rate { jobs, seconds, jobs_per_second: f64::from(jobs) / seconds.max(f64::EPSILON) }
    }

    fn row(&self, phase: &str) -> [String; 4] {
        let rate = words::count(self.jobs_per_second.round() as u64);
        [
            phase.to_owned(),
            words::count(self.jobs),
            format!("{:.2} s", self.seconds),
            format!("{rate} jobs/s"),
        ]
    }
}

impl Pickup {
    /// Of microseconds.
    pub(super) fn new(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Pickup {
            samples: histogram.len(),
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: histogram.max() as f64 / 1e3,
        }
    }

    fn words(&self) -> String {
        format!(
            "Pick-up by an idle worker, {} samples: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            words::count(self.samples),
            self.p50_ms,
            self.p95_ms,
            self.p99_ms,
            self.max_ms
        )
    }
}

impl Settings {
    pub(super) fn words(&self) -> String {
        let build = if self.debug_build { "; DEBUG BUILD, figures mean nothing" } else { "" };
        format!(
            "{}\nPostgreSQL {}, fsync {}, synchronous_commit {}, {} cores, concurrency {}{build}",
            self.server,
            self.server_version,
            self.fsync,
            self.synchronous_commit,
            self.cores,
            self.concurrency
        )
    }
}

impl Report {
    pub(super) fn words(&self) -> String {
        let figures = &self.figures;
        let rows = [
            figures.bulk_publish.row("bulk publish"),
            figures.drain.row("drain"),
            figures.single_publish.row("single publish"),
        ];
        let table = table(["Phase", ">Jobs", ">Time", ">Rate"], rows);
        format!("{}\n\n{table}\n\n{}", self.settings.words(), figures.pick_up.words())
    }
}
