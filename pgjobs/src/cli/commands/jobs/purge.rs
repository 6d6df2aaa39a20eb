//! `purge`: deletes pending jobs for good.

use clap::Args;

use super::bulk::{Bulk, Matching};
use super::selection::Action;
use crate::Topic;
use crate::admin::Operation;
use crate::cli::args::global::Global;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
Deleted jobs leave no trace, not even in the history; `cancel` keeps them there. Running jobs stay, and so do \
jobs that are published after the start.

Example:
  pgjobs purge --topic 'reports.*'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PurgeArgs {
    /// Pending jobs under this topic; '*' is every task.
    #[arg(long)]
    topic: Topic,
    #[command(flatten)]
    matching: Matching,
    /// Why, for the audit.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(args: PurgeArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let operation = Operation::purge(args.topic);
    Bulk::new(Action::Purge, operation, args.matching, args.reason, args.yes).run(global, console).await
}
