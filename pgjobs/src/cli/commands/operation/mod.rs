//! `operation`: lists, shows, stops and follows operations over many jobs.

mod change;
mod list;
mod show;

use clap::{Args, Subcommand};

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
`retry`, `redrive`, `cancel` and `purge` with --topic start an operation. Workers do it in small steps; it goes \
on when the command that started it ends, or the worker that is at it dies.

Examples:
  pgjobs operation list
  pgjobs operation watch 7
  pgjobs operation pause 7 --reason 'the relay is down again'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct OperationArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List operations, newest first.
    List(list::List),
    /// Show all about an operation: what it takes, who started it, how far it is, what it skipped.
    Show(show::Show),
    /// Stop it where it is until it is resumed.
    Pause(change::Change),
    /// Let it go on from where it was.
    Resume(change::Change),
    /// End it where it is; what it has done stays done.
    Cancel(change::Change),
    /// Follow it until it ends, and do its steps where no worker does.
    Watch(show::Watch),
}

pub(crate) async fn run(args: OperationArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    if let Command::List(args) = &args.command {
        return list::run(args, &readers::chosen(global, console).await?, console).await;
    }
    let pool = connect(global, console).await?;
    match args.command {
        Command::List(_) => Ok(()),
        Command::Show(args) => show::run(&args, &pool, console).await,
        Command::Pause(args) => change::pause(&args, &pool, console).await,
        Command::Resume(args) => change::resume(&args, &pool, console).await,
        Command::Cancel(args) => change::cancel(&args, &pool, console).await,
        Command::Watch(args) => show::watch(&args, &pool, console).await,
    }
}
