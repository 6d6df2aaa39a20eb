//! The report as text: the settings, then one table.

use super::figures::{Pickup, Rate, Thirds};
use super::report::{Outcome, Report, Settings};
use super::stages::Stages;
use crate::cli::output::format;
use crate::cli::output::table::table;

const RATES: [&str; 4] = ["Scenario", ">Jobs", ">Time", ">Jobs/s"];
const ALL: [&str; 9] =
    ["Scenario", ">Jobs", ">Time", ">Jobs/s", ">Pick-up p50", ">p90", ">p99", ">p99.9", ">Max"];

/// A row of the table: what was measured, its rate and its pick-up times.
struct Row {
    what: String,
    rate: [String; 3],
    pick_up: Option<[String; 5]>,
}

impl Report {
    pub(crate) fn render(&self) -> Vec<String> {
        let rows: Vec<Row> = self.results.iter().flat_map(rows).collect();
        let timed = rows.iter().any(|row| row.pick_up.is_some());
        // Omits the pick-up columns when they would be empty.
        let table = if timed {
            table(ALL, rows.into_iter().map(Row::whole))
        } else {
            table(RATES, rows.into_iter().map(Row::short))
        };
        self.settings.render().lines().map(str::to_owned).chain([String::new()]).chain(table).collect()
    }
}

impl Settings {
    fn render(&self) -> String {
        let build = if self.debug_build { "\nDEBUG BUILD, the figures mean nothing" } else { "" };
        format!(
            "{}\nPostgreSQL {}, fsync {}, synchronous_commit {}, shared_buffers {}\n{} CPUs, concurrency {}, {}{build}",
            self.server,
            self.server_version,
            self.fsync,
            self.synchronous_commit,
            self.shared_buffers,
            self.cpus,
            self.concurrency,
            format::jobs(self.jobs.into()),
        )
    }
}

fn rows(outcome: &Outcome) -> Vec<Row> {
    match outcome {
        Outcome::Drain(rate) => vec![Row::of("drain", rate)],
        Outcome::Publish { one_by_one, in_bulk } => {
            vec![Row::of("publish one by one", one_by_one), Row::of("publish in bulk", in_bulk)]
        }
        Outcome::Latency { pick_up, stages } => {
            let stages = stages.iter().flat_map(Stages::named);
            let stages = stages.map(|(what, times)| Row::idle(what, times));
            [Row::idle("latency", pick_up)].into_iter().chain(stages).collect()
        }
        Outcome::Mixed(mixed) => vec![Row::of("mixed", &mixed.rate).timed(&mixed.pick_up)],
        Outcome::HeldSnapshot { without, held, last_third_ratio } => {
            let mut rows = thirds("no snapshot", without);
            rows.extend(thirds("held-snapshot", held));
            rows.push(Row::ratio("held-snapshot, last thirds", *last_third_ratio));
            rows
        }
    }
}

fn thirds(what: &str, thirds: &Thirds) -> Vec<Row> {
    [("first", &thirds.first), ("last", &thirds.last)]
        .map(|(which, rate)| Row::of(&format!("{what}, {which} third"), rate))
        .into()
}

impl Row {
    fn of(what: &str, rate: &Rate) -> Self {
        let speed = format::count(rate.jobs_per_second.round() as u64);
        let rate = [format::count(rate.jobs), format!("{:.2} s", rate.seconds), speed];
        Row { what: what.to_owned(), rate, pick_up: None }
    }

    /// A row without a rate: these jobs were published with pauses, so jobs per second mean nothing.
    fn idle(what: &str, pick_up: &Pickup) -> Self {
        let rate = [format::count(pick_up.samples), String::new(), String::new()];
        Row { what: what.to_owned(), rate, pick_up: None }.timed(pick_up)
    }

    fn ratio(what: &str, ratio: f64) -> Self {
        let rate = [String::new(), String::new(), format!("× {ratio:.2}")];
        Row { what: what.to_owned(), rate, pick_up: None }
    }

    fn timed(self, pick_up: &Pickup) -> Self {
        let Pickup { p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = *pick_up;
        let cells = [p50_ms, p90_ms, p99_ms, p999_ms, max_ms].map(|time| format!("{time:.2} ms"));
        Row { pick_up: Some(cells), ..self }
    }

    fn short(self) -> [String; 4] {
        let [jobs, time, speed] = self.rate;
        [self.what, jobs, time, speed]
    }

    fn whole(self) -> [String; 9] {
        let [p50, p90, p99, p999, max] = self.pick_up.clone().unwrap_or_default();
        let [what, jobs, time, speed] = self.short();
        [what, jobs, time, speed, p50, p90, p99, p999, max]
    }
}
