//! `retry`, `redrive`, `cancel`, `purge`: count the jobs, ask, then change those that were named, up to 1000
//! per statement, or start an operation over all that match, and follow it.

mod bulk;
mod purge;
mod selection;

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use crate::admin::{GRACE, Operation};
use crate::cli::args::global::Global;
use crate::cli::args::values;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::db::refusal::server_code;
use crate::types::error::driver;
use crate::{Error, JobId, JobState, Topic};
use bulk::{Bulk, Matching};
use selection::Action;

pub(crate) use bulk::{follow, report, skips};
pub(crate) use purge::{PurgeArgs, run as purge};

pub(crate) const RETRY_HELP: &str = "\
The job keeps its id and gets all its runs again.

Examples:
  pgjobs retry 0199d1f2a4b07c3e8f5a6b7c8d9e0f12
  pgjobs retry --topic 'mail.*' --yes
  pgjobs retry --topic 'mail.*' --error 'timed out' --since 2h --rate 50/s --dry-run";

pub(crate) const REDRIVE_HELP: &str = "\
Each job becomes a new one, with the same arguments, options and notes and all its runs. The arguments are \
compared with what the task is now; jobs that do not fit are skipped. The old job stays in the history and \
names the new one, so that none is re-driven twice. `retry` keeps the id instead.

Examples:
  pgjobs redrive 0199d1f2a4b07c3e8f5a6b7c8d9e0f12
  pgjobs redrive --topic 'mail.*' --error 'timed out' --since 2h --rate 50/s";

/// Which ended jobs: what `retry` and `redrive` take.
#[derive(Args)]
#[command(group = ArgGroup::new("which").args(["ids", "topic"]).required(true))]
pub(crate) struct EndedArgs {
    /// The ids of the jobs.
    #[arg(value_name = "ID")]
    ids: Vec<JobId>,
    /// All jobs under this topic instead; '*' is every task.
    #[arg(long)]
    topic: Option<Topic>,
    /// With --topic: jobs that ended in this state.
    #[arg(long, default_value = "failed", conflicts_with = "ids", value_parser = ended())]
    state: JobState,
    #[command(flatten)]
    matching: Matching,
    /// Why, for the audit.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

fn ended() -> impl TypedValueParser<Value = JobState> {
    PossibleValuesParser::new(["failed", "cancelled"]).try_map(|name| name.parse::<JobState>())
}

const CANCEL_HELP: &str = "\
A pending job never runs. A running one ends in the database at once: its code is told, and what still runs \
after --grace is cut off where it waits; `pgjobs control receipts` shows how that went. Code that blocks its thread \
cannot be stopped, and whatever it reports is refused.

Examples:
  pgjobs cancel 0199d1f2a4b07c3e8f5a6b7c8d9e0f12
  pgjobs cancel --topic 'mail.*'";

#[derive(Args)]
#[command(after_help = CANCEL_HELP, group = ArgGroup::new("which").args(["ids", "topic"]).required(true))]
pub(crate) struct CancelArgs {
    /// The ids of the jobs.
    #[arg(value_name = "ID")]
    ids: Vec<JobId>,
    /// All pending and running jobs under this topic instead; '*' is every task.
    #[arg(long)]
    topic: Option<Topic>,
    /// How long the code of running jobs may go on, at most 1h [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    grace: Option<Duration>,
    #[command(flatten)]
    matching: Matching,
    /// Why, for whoever finds the jobs cancelled and for the audit.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn retry(args: EndedArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    again(Action::Retry, Operation::retry, args, global, console).await
}

pub(crate) async fn redrive(args: EndedArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    again(Action::Redrive, Operation::redrive, args, global, console).await
}

async fn again(
    action: Action,
    operation: fn(Topic) -> Operation,
    args: EndedArgs,
    global: &Global,
    console: &Console,
) -> Result<(), Failure> {
    let Some(topic) = args.topic else {
        args.matching.refuse()?;
        return selection::run(action, args.ids, args.reason, args.yes, global, console).await;
    };
    let operation = operation(topic).state(args.state);
    Bulk::new(action, operation, args.matching, args.reason, args.yes).run(global, console).await
}

pub(crate) async fn cancel(args: CancelArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let grace = args.grace.unwrap_or(GRACE);
    let action = Action::Cancel { grace };
    let Some(topic) = args.topic else {
        args.matching.refuse()?;
        return selection::run(action, args.ids, args.reason, args.yes, global, console).await;
    };
    let operation = Operation::cancel(topic).grace(grace);
    Bulk::new(action, operation, args.matching, args.reason, args.yes).run(global, console).await
}

/// All these commands require one role, whichever of their statements the database refuses first.
pub(crate) fn refused(error: Error) -> Failure {
    match &error {
        Error::Database(cause) if server_code(&error).is_some_and(|code| code == "42501") => {
            let said = driver::said(cause);
            Failure::failed(format!(
                "the database user may not do this: {said}; grant the database user the role jobs_admin"
            ))
        }
        _ => error.into(),
    }
}
