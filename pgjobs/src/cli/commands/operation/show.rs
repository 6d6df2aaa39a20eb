//! `operation show`, `watch`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use sqlx::PgPool;

use crate::admin::{self, OperationRow};
use crate::cli::commands::jobs::{follow, refused, report, skips};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;

#[derive(Args)]
pub(crate) struct Show {
    /// The operation's number.
    id: i64,
}

#[derive(Args)]
pub(crate) struct Watch {
    /// The operation's number.
    id: i64,
}

pub(super) async fn run(args: &Show, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let found = admin::operation(pool, args.id).await.map_err(refused)?;
    console.data(&found, || facts(&found))
}

pub(super) async fn watch(args: &Watch, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let found = admin::operation(pool, args.id).await.map_err(refused)?;
    let what = format!("{} of `{}`", found.kind, found.topic);
    let ended = if found.state == "running" { follow(pool, found, &what, console).await? } else { found };
    report(&ended, console)
}

#[derive(Deserialize)]
struct LeftOut {
    job_id: String,
    reason: String,
}

fn facts(operation: &OperationRow) -> Vec<String> {
    let now = Utc::now();
    let named = |name: &str, value: Option<String>| value.map(|value| format!("{name:<15}{value}"));
    let time = |time: DateTime<Utc>| {
        format!("{} ({})", time.format("%Y-%m-%d %H:%M:%S UTC"), format::when(time, now))
    };
    let count = |jobs: i64| format::count(jobs.unsigned_abs());
    let skipped = match operation.skipped {
        0 => "0".to_owned(),
        jobs => format!("{}: {}", count(jobs), skips(operation)),
    };
    let role = operation.role.as_ref().map_or(String::new(), |role| format!(" as {role}"));
    let mut lines: Vec<String> = [
        named("Operation", Some(format!("{}, {}", operation.id, operation.kind))),
        named("State", Some(operation.state.clone())),
        named("Topic", Some(operation.topic.clone())),
        named("Jobs that are", operation.job_state.clone()),
        named("Error", operation.error.clone()),
        named("Since", operation.since.map(time)),
        named("Until", Some(time(operation.until))),
        named("Rate", operation.rate.map(|rate| format!("{rate} a second"))),
        named("Matched", Some(format::counted(operation.matched.unsigned_abs(), operation.matched_exactly))),
        named("Done", Some(count(operation.done))),
        named("Skipped", Some(skipped)),
        named("Started", Some(format!("{} by {}{role}", time(operation.started_at), operation.who))),
        named("Reason", operation.reason.clone()),
        named("Last step", Some(time(operation.stepped_at))),
        named("Ended", operation.ended_at.map(time)),
        named("Last error", operation.last_error.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let left: Vec<LeftOut> = serde_json::from_str(operation.left_out.get()).unwrap_or_default();
    lines.extend(
        left.iter().filter_map(|job| named("Left out", Some(format!("{}: {}", job.job_id, job.reason)))),
    );
    lines
}
