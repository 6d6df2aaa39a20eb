//! `workflow`: lists and shows workflows, cancels and retries them, and reads results of their nodes.

mod change;
mod graph;
mod lanes;
mod list;
mod results;
mod show;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::lines::Style;
use crate::db;

const AFTER_HELP: &str = "\
A workflow has nodes, each one job or a group of jobs, and edges that say which come after which. One that failed \
waits until it is retried or cancelled.

Examples:
  pgjobs workflow list --state failed
  pgjobs workflow show 7 --follow
  pgjobs workflow retry 7 --reason 'the relay is back'
  pgjobs workflow cancel 7 --node publish";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Workflow {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List workflows, newest first.
    List(list::List),
    /// Draw a workflow: its nodes, what each comes after, and why those that wait do.
    Show(show::Show),
    /// Cancel what has not ended of a workflow, or a node and what comes after it.
    Cancel(change::Cancel),
    /// Let the failed and cancelled nodes run again, so that the workflow goes on.
    Retry(change::Retry),
    /// Print what came of the jobs of a node.
    Results(results::Results),
}

pub(crate) async fn run(args: Workflow, global: &Global, console: &Console) -> Result<(), Failure> {
    if let Command::List(args) = &args.command {
        return list::run(args, &readers::chosen(global, console).await?, console).await;
    }
    let pool = connect(global, console).await?;
    match args.command {
        Command::List(_) => Ok(()),
        Command::Show(args) => show::run(&args, &pool, console).await,
        Command::Cancel(args) => change::cancel(&args, &pool, console).await,
        Command::Retry(args) => change::retry(&args, &pool, console).await,
        Command::Results(args) => results::run(&args, &pool, console).await,
    }
}

/// The time by the database's clock.
async fn now(pool: &PgPool) -> Result<DateTime<Utc>, Failure> {
    Ok(db::inspect::now(&mut *pool.acquire().await?).await?)
}

/// The colour of a state of a workflow or node; none for what waits.
fn style(state: &str) -> Option<Style> {
    match state {
        "success" | "compensated" => Some(Style::Green),
        "failed" => Some(Style::Red),
        "running" | "compensating" => Some(Style::Cyan),
        "cancelled" | "skipped" => Some(Style::Yellow),
        _ => None,
    }
}
