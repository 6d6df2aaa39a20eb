//! `inspect`: read-only queries.

mod follow;
mod jobs;
mod one;
mod overview;
mod pauses;
mod said;
mod statistics;
mod tasks;
mod workers;

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::JobId;
use crate::cli::args::global::Global;
use crate::cli::args::read_from::ReadFrom;
use crate::cli::args::values;
use crate::cli::database::reader;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  pgjobs inspect --watch
  pgjobs inspect jobs --state failed --topic 'mail.*'
  pgjobs inspect jobs --json --limit 1000 | jq -r '.jobs[].job_id'
  pgjobs inspect job 0199d1f2a4b07c3e8f5a6b7c8d9e0f12
  pgjobs inspect job 0199d1f2a4b07c3e8f5a6b7c8d9e0f12 --follow

Arguments and results are shown by `inspect job` alone: they may hold secrets.";

#[derive(Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Inspect {
    /// Repeat every SECS seconds (2 by default) until Ctrl-C.
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "2", value_parser = values::seconds)]
    watch: Option<Duration>,
    #[command(flatten)]
    read_from: ReadFrom,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// List jobs, newest first.
    Jobs(jobs::JobsArgs),
    /// Show one job with its arguments, its result, its last error, its progress and the end of its log.
    Job {
        /// The job's id.
        #[arg(value_parser = values::any_id)]
        id: JobId,
        /// How many of the last lines of its log to show.
        #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "follow")]
        lines: u16,
        /// Print its progress, its log and its state as they change, until it ends; the exit code is 1 unless it
        /// succeeds. With --json, one document a line.
        #[arg(long)]
        follow: bool,
    },
    /// List tasks and the number of live workers that have each.
    Tasks,
    /// List workers.
    Workers,
    /// List the topics that are paused.
    Pauses,
    /// Show how many jobs of each task ended lately, and how long they waited and ran.
    Statistics(statistics::StatisticsArgs),
    /// Show what jobs failed with lately, in groups.
    Errors(statistics::ErrorsArgs),
}

pub(crate) async fn run(args: Inspect, global: &Global, console: &Console) -> Result<(), Failure> {
    let readers = reader::chosen(&args.read_from, global, console).await?.warning_of_hidden();
    match args.what {
        Some(What::Jobs(args)) => jobs::show(&readers, args, console).await,
        Some(What::Job { id, follow: true, .. }) => {
            follow::follow(&readers.holder_of_job(&id).await?.1, &id, console).await
        }
        Some(What::Job { id, lines, .. }) => one::show(&readers, &id, lines, console).await,
        Some(What::Tasks) => tasks::show(&readers, console).await,
        Some(What::Pauses) => pauses::show(&readers, console).await,
        Some(What::Statistics(args)) => statistics::show(&readers, args, console).await,
        Some(What::Errors(args)) => statistics::errors(&readers, args, console).await,
        Some(What::Workers) => workers::show(&readers, console).await,
        None => overview::show(&readers, args.watch, console).await,
    }
}
