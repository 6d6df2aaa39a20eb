//! `inspect jobs`: lists a page of jobs.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use crate::cli::args::values;
use crate::cli::database::readers::{Of, Readers, Rows};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::inspect::{self, JobFilter, JobRow};
use crate::{JobId, JobState, Topic};

#[derive(Args)]
pub(crate) struct JobsArgs {
    /// Only jobs in this state.
    #[arg(long, value_parser = state())]
    state: Option<JobState>,
    /// Only jobs under this topic, such as 'mail.*'.
    #[arg(long)]
    topic: Option<Topic>,
    /// Only jobs older than this one, which is the last of the previous page.
    #[arg(long, value_name = "ID", value_parser = values::any_id)]
    before: Option<JobId>,
    /// Show at most N jobs, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

fn state() -> impl TypedValueParser<Value = JobState> {
    PossibleValuesParser::new(["pending", "running", "success", "failed", "cancelled"])
        .try_map(|name| name.parse::<JobState>())
}

pub(crate) async fn show(readers: &Readers, args: JobsArgs, console: &Console) -> Result<(), Failure> {
    let filter = JobFilter { state: args.state, topic: args.topic, before: args.before, num: args.limit };
    let found = readers.list(async |pool| Ok(inspect::jobs(pool, &filter).await?)).await?;
    // Ids are in the order of time, so a page is one of all servers' jobs.
    let Rows { all: jobs, away } = found.first(args.limit, |job| Reverse(job.job_id.as_str().to_owned()));
    let full = jobs.len() == usize::from(args.limit);
    let next = jobs.last().filter(|_| full).map(|job| job.row.job_id.clone());
    let documents: Result<Vec<Value>, Failure> = jobs.iter().map(document).collect();
    let printed = away.print(console, &json!({ "jobs": documents?, "next": next }), || list(&jobs));
    if let Some(next) = next.filter(|_| !console.json) {
        console.note(format!("older ones: --before {next}"));
    }
    printed
}

/// Omits arguments and results: people paste and log a list more readily than one job.
fn document(job: &Of<JobRow>) -> Result<Value, Failure> {
    let mut document = serde_json::to_value(job).map_err(|error| {
        Failure::failed(format!("job {} cannot be written as JSON: {error}", job.row.job_id))
    })?;
    if let Some(fields) = document.as_object_mut() {
        fields.remove("body");
        fields.remove("result");
    }
    Ok(document)
}

fn list(jobs: &[Of<JobRow>]) -> Vec<String> {
    if jobs.is_empty() {
        return vec!["no jobs".to_owned()];
    }
    let now = Utc::now();
    let header = ["!Job", "Task", "State", ">Starts", ">Priority", "Published", "Since", "Last error"];
    table_of(header, jobs.iter().map(|job| job.cells(|job| row(job, now))))
}

fn row(job: &JobRow, now: DateTime<Utc>) -> [String; 8] {
    [
        job.job_id.to_string(),
        job.task.clone(),
        job.state.to_string(),
        job.attempt.to_string(),
        job.priority.to_string(),
        format::when(job.created_at, now),
        since(job, now),
        job.traceback.as_deref().map(|error| format::first_line(error, 60)).unwrap_or_default(),
    ]
}

/// When the job entered its state or, if it is pending, when it is due.
fn since(job: &JobRow, now: DateTime<Utc>) -> String {
    let time = match job.state {
        JobState::Pending => return job.scheduled_at.map_or_else(|| "due".to_owned(), |time| due(time, now)),
        JobState::Running => job.run_at,
        _ => job.complete_on,
    };
    time.map(|time| format::when(time, now)).unwrap_or_default()
}

fn due(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if time <= now { "due".to_owned() } else { format!("due {}", format::when(time, now)) }
}
