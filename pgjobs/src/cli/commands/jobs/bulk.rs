//! Operations over all jobs that match: counts them, asks, starts one and follows it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use sqlx::PgPool;

use super::refused;
use super::selection::Action;
use crate::admin::{self, Operation, OperationRow, Preview};
use crate::cli::args::global::Global;
use crate::cli::args::values;
use crate::cli::database::connect::connect;
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::progress::Progress;
use crate::cli::output::table::table;

/// How long a step takes, and the pause after it, in which others have the server to themselves.
const STEP: f64 = 0.2;
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct Matching {
    /// With --topic: only jobs whose last error has this text; '*' is any text in it.
    #[arg(long, value_name = "PATTERN", requires = "topic")]
    error: Option<String>,
    /// With --topic: only jobs that ended then or later; open jobs: that were published then or later. A
    /// time, or how long ago, such as 2h.
    #[arg(long, value_name = "TIME", value_parser = values::moment, requires = "topic")]
    since: Option<DateTime<Utc>>,
    /// With --topic: only jobs that ended before; open jobs: that were published before.
    #[arg(long, value_name = "TIME", value_parser = values::moment, requires = "topic")]
    until: Option<DateTime<Utc>>,
    /// With --topic: at most so many jobs a second, such as 50/s [default: as fast as it goes].
    #[arg(long, value_name = "RATE", value_parser = values::rate, requires = "topic")]
    rate: Option<f64>,
    /// With --topic: count the jobs and show some of them; change nothing.
    #[arg(long, requires = "topic", conflicts_with = "no_wait")]
    dry_run: bool,
    /// With --topic: start the operation and return; workers do it.
    #[arg(long, requires = "topic")]
    no_wait: bool,
}

impl Matching {
    /// Refuses what goes with --topic alone, for jobs that are named by their ids. (clap does not, because --topic
    /// conflicts with ids.)
    pub(super) fn refuse(&self) -> Result<(), Failure> {
        let is_given = self.error.is_some()
            || self.since.is_some()
            || self.until.is_some()
            || self.rate.is_some()
            || self.dry_run
            || self.no_wait;
        if is_given {
            let words =
                "--error, --since, --until, --rate, --dry-run and --no-wait go with --topic, not with ids";
            return Err(Failure::usage(words));
        }
        Ok(())
    }
}

/// An operation that is about to be started.
pub(super) struct Bulk {
    action: Action,
    operation: Operation,
    dry_run: bool,
    no_wait: bool,
    yes: bool,
}

impl Bulk {
    pub(super) fn new(
        action: Action,
        mut operation: Operation,
        matching: Matching,
        reason: Option<String>,
        yes: bool,
    ) -> Self {
        if let Some(error) = matching.error {
            operation = operation.error(error);
        }
        if let Some(since) = matching.since {
            operation = operation.since(since);
        }
        if let Some(until) = matching.until {
            operation = operation.until(until);
        }
        if let Some(rate) = matching.rate {
            operation = operation.rate(rate);
        }
        if let Some(reason) = reason {
            operation = operation.reason(reason);
        }
        Bulk { action, operation, dry_run: matching.dry_run, no_wait: matching.no_wait, yes }
    }

    pub(super) async fn run(self, global: &Global, console: &Console) -> Result<(), Failure> {
        let pool = connect(global, console).await?;
        let preview = self.operation.preview(&pool).await.map_err(refused)?;
        let what = self.what(&preview);
        if self.dry_run {
            return console.data(&preview, || shown(&preview, &what));
        } else if preview.jobs == 0 {
            let document = json!({ self.action.done(): 0, "left": [], "operation": null });
            return console.data(&document, || format!("{} 0 jobs", self.action.done()));
        }
        confirm(&format!("{what}?"), self.yes, console)?;
        let started = self.operation.start_as(&preview, &pool).await.map_err(refused)?;
        if self.no_wait {
            let id = started.id;
            return console.data(&started, || {
                format!("operation {id} is started; `operation watch {id}` shows how far it is")
            });
        }
        let ended = follow(&pool, started, &what, console).await?;
        report(&ended, console)
    }

    /// What it is going to do.
    fn what(&self, preview: &Preview) -> String {
        let jobs = format::jobs_counted(preview.jobs.unsigned_abs(), preview.exact);
        let states = match (self.operation.states(), self.action) {
            (states, Action::Purge) => format!("({states}) under `{}` for good", self.operation.topic()),
            (states, _) => format!("({states}) under `{}`", self.operation.topic()),
        };
        format!("{} {jobs} {states}", self.action.verb())
    }
}

#[derive(Deserialize)]
struct Example {
    job_id: String,
    task: String,
    error: Option<String>,
}

fn shown(preview: &Preview, what: &str) -> Vec<String> {
    let examples: Vec<Example> = serde_json::from_str(preview.examples.get()).unwrap_or_default();
    let mut lines = vec![format!("would {what}")];
    if !examples.is_empty() {
        let row = |example: &Example| {
            let error = example.error.as_deref().unwrap_or_default();
            [example.job_id.clone(), example.task.clone(), format::first_line(error, 80)]
        };
        lines.extend(table(["!Job", "Task", "Last error"], examples.iter().map(row)));
    }
    lines
}

/// Does the steps of an operation until it ends or is stopped, beside whoever else does them.
pub(crate) async fn follow(
    pool: &PgPool,
    started: OperationRow,
    what: &str,
    console: &Console,
) -> Result<OperationRow, Failure> {
    let id = started.id;
    let length = started.matched_exactly.then_some(started.matched.unsigned_abs());
    let progress = Progress::of(console, &format!("operation {id}: {what}"), length);
    loop {
        let now = admin::step_operation(pool, id, STEP).await.map_err(refused)?;
        progress.at((now.done + now.skipped).unsigned_abs());
        if now.state != "running" {
            return Ok(now);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The numbers of jobs that an operation skipped, by reason.
pub(crate) fn skips(operation: &OperationRow) -> String {
    let skips: BTreeMap<String, u64> = serde_json::from_str(operation.skips.get()).unwrap_or_default();
    let parts: Vec<String> =
        skips.iter().map(|(why, jobs)| format!("{} {why}", format::count(*jobs))).collect();
    parts.join(", ")
}

/// Reports an operation that goes on no further.
pub(crate) fn report(operation: &OperationRow, console: &Console) -> Result<(), Failure> {
    let action = Action::of(&operation.kind);
    let done = operation.done.unsigned_abs();
    let left: Vec<serde_json::Value> = serde_json::from_str(operation.left_out.get()).unwrap_or_default();
    let left: Vec<_> = left.iter().map(|job| &job["job_id"]).collect();
    let document = json!({ action.done(): done, "left": left, "operation": operation });
    let mut said = format!("{} {}", action.done(), format::jobs(done));
    if operation.skipped > 0 {
        said +=
            &format!(", skipped {}: {}", format::count(operation.skipped.unsigned_abs()), skips(operation));
    }
    if operation.state == "done" {
        return console.data(&document, || said);
    }
    let id = operation.id;
    let next = match (operation.state.as_str(), &operation.last_error) {
        ("paused", _) => format!("`operation resume {id}` lets it go on"),
        ("failed", Some(error)) => error.clone(),
        _ => "what it has done stays done".to_owned(),
    };
    Err(Failure::failed(format!("operation {id} is {}: {said}; {next}", operation.state)).about(document))
}
