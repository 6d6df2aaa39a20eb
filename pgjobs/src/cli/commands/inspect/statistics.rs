//! `inspect statistics` and `inspect errors`: what ended lately, and what it failed with.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::args::values;
use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::inspect::{self, ErrorGroup, Percentiles, TaskStatistics};
use crate::types::topic::Topic;

const STATISTICS_HELP: &str = "\
Percentiles are of the last runs of these jobs, off by at most 19 %. Numbers are kept for 30 days, and the last ten \
seconds are missing. Nothing is counted before `select jobs.keep_statistics(true)`, which the dashboard's button \
does as well. With --json also the steps of the whole time, for charts.";

/// Of which jobs, and since when.
#[derive(Args)]
pub(crate) struct Lately {
    /// Only tasks under this topic: 'mail.*', or a task.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<Topic>,
    /// Jobs that ended since then: 30m, 2h or 7d ago, or a time such as 2026-11-29T18:00:00Z.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = values::moment)]
    since: DateTime<Utc>,
}

#[derive(Args)]
#[command(after_help = STATISTICS_HELP)]
pub(crate) struct StatisticsArgs {
    #[command(flatten)]
    lately: Lately,
}

pub(crate) async fn show(readers: &Readers, args: StatisticsArgs, console: &Console) -> Result<(), Failure> {
    let Lately { topic, since } = args.lately;
    let topic = topic.as_ref();
    let ask = async |pool: &PgPool| {
        Ok((
            inspect::task_statistics(pool, topic, since).await?,
            inspect::statistics(pool, topic, since).await?,
        ))
    };
    let (answers, away) = readers.ask(ask).await?.apart();
    let (mut tasks, mut steps) = (Vec::new(), Vec::new());
    for (server, (of_tasks, of_time)) in answers {
        tasks.extend(of_tasks.into_iter().map(|row| Of { server: server.clone(), row }));
        steps.extend(of_time.into_iter().map(|row| Of { server: server.clone(), row }));
    }
    away.print(console, &json!({ "since": since, "tasks": tasks, "steps": steps }), || lines(&tasks))
}

fn lines(tasks: &[Of<TaskStatistics>]) -> Vec<String> {
    if tasks.is_empty() {
        return vec![
            "nothing ended that was counted (`select jobs.keep_statistics(true)` has it counted)".to_owned(),
        ];
    }
    let header =
        ["Task", ">Succeeded", ">Failed", ">Cancelled", ">Wait p50", ">Wait p95", ">Run p50", ">Run p95"];
    table_of(header, tasks.iter().map(|task| task.cells(row)))
}

fn row(task: &TaskStatistics) -> [String; 8] {
    let of = |times: Option<Percentiles>, which: fn(Percentiles) -> f64| {
        times.map_or("-".to_owned(), |times| seconds(which(times)))
    };
    [
        task.task.clone(),
        format::count(task.success),
        format::count(task.failed),
        format::count(task.cancelled),
        of(task.wait, |times| times.p50),
        of(task.wait, |times| times.p95),
        of(task.run, |times| times.p50),
        of(task.run, |times| times.p95),
    ]
}

/// Three digits that count: `0.012 s`, `3.4 s`, `210 s`.
fn seconds(time: f64) -> String {
    match time {
        ..1.0 => format!("{time:.3} s"),
        1.0..100.0 => format!("{time:.1} s"),
        _ => format!("{time:.0} s"),
    }
}

const ERRORS_HELP: &str = "\
Errors that differ in numbers, ids and quoted text only are one group. What `Error` says is a pattern that `retry` \
and `redrive` take for --error. For administrators: errors may have arguments in them.

Examples:
  pgjobs inspect errors --since 7d
  pgjobs inspect errors --topic 'mail.*' --json | jq -r '.errors[].error'";

#[derive(Args)]
#[command(after_help = ERRORS_HELP)]
pub(crate) struct ErrorsArgs {
    #[command(flatten)]
    lately: Lately,
    /// The most groups to show.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

pub(crate) async fn errors(readers: &Readers, args: ErrorsArgs, console: &Console) -> Result<(), Failure> {
    let Lately { topic, since } = args.lately;
    let (topic, limit) = (topic.as_ref(), args.limit);
    let groups = readers.list(async |pool| Ok(inspect::errors(pool, topic, since, limit).await?)).await?;
    let groups = groups.first(limit, |group| Reverse(group.jobs));
    groups.away.print(console, &json!({ "since": since, "errors": groups.all }), || groups_of(&groups.all))
}

fn groups_of(groups: &[Of<ErrorGroup>]) -> Vec<String> {
    if groups.is_empty() {
        return vec!["no job failed in this time".to_owned()];
    }
    let now = Utc::now();
    let row = |group: &ErrorGroup| {
        [
            format::counted(group.jobs, group.exact),
            group.task.clone(),
            group.error.clone(),
            format::when(group.last_at, now),
            group.example.clone(),
        ]
    };
    table_of([">Jobs", "Task", "!Error", "Last", "Example"], groups.iter().map(|group| group.cells(row)))
}
