//! `retry`, `cancel`, `purge`: count the jobs, ask, then change up to 1000 jobs per statement.
//!
//! So nobody waits long for a lock, and an interrupted command has done exactly the statements that it
//! counted.

mod purge;
mod selection;

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::args::values;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::db::refusal::server_code;
use crate::inspect;
use crate::types::error::driver;
use crate::{Error, JobId, JobState, Topic};
use selection::{BulkAction, Selection};

pub(crate) use purge::{PurgeArgs, run as purge};

const RETRY_HELP: &str = "\
The job keeps its id and gets all its runs again.

Examples:
  pgjobs retry 0199d1f2a4b07c3e8f5a6b7c8d9e0f12
  pgjobs retry --topic 'mail.*' --yes";

#[derive(Args)]
#[command(after_help = RETRY_HELP, group = ArgGroup::new("which").args(["ids", "topic"]).required(true))]
pub(crate) struct RetryArgs {
    /// The ids of the jobs.
    #[arg(value_name = "ID")]
    ids: Vec<JobId>,
    /// All jobs under this topic instead; '*' is every task.
    #[arg(long)]
    topic: Option<Topic>,
    /// With --topic: jobs that ended in this state.
    #[arg(long, default_value = "failed", conflicts_with = "ids", value_parser = ended())]
    state: JobState,
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
    /// How long the code of running jobs may go on, at most 1h.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = values::duration)]
    grace: Duration,
    /// Why, for whoever finds the jobs cancelled.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn retry(args: RetryArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let chosen = Selection::new(args.ids, args.topic, vec![args.state]);
    selection::run(&BulkAction::Retry, chosen, args.yes, global, console).await
}

pub(crate) async fn cancel(args: CancelArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let chosen = Selection::new(args.ids, args.topic, vec![JobState::Pending, JobState::Running]);
    let cancel = BulkAction::Cancel { grace: args.grace, reason: args.reason };
    selection::run(&cancel, chosen, args.yes, global, console).await
}

/// A number of jobs, exact or a lower bound.
#[derive(Clone, Copy)]
pub(crate) struct Count {
    pub(crate) jobs: u64,
    pub(crate) exact: bool,
}

impl Count {
    const NONE: Count = Count { jobs: 0, exact: true };

    /// The database counts no further than this.
    const CAP: u64 = 1_000_000;

    async fn of(pool: &PgPool, state: JobState, topic: &Topic) -> Result<Self, Failure> {
        let jobs = inspect::count(pool, state, topic).await.map_err(refused)?.unsigned_abs();
        Ok(Count { jobs, exact: jobs < Count::CAP })
    }

    fn and(self, other: Count) -> Count {
        Count { jobs: self.jobs.saturating_add(other.jobs), exact: self.exact && other.exact }
    }

    /// The number of jobs, if it is exact.
    fn length(self) -> Option<u64> {
        self.exact.then_some(self.jobs)
    }

    fn render(self) -> String {
        format::jobs_counted(self.jobs, self.exact)
    }
}

/// All these commands require one role, whichever of their statements the database refuses first.
fn refused(error: Error) -> Failure {
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
