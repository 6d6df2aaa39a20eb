//! `servers`: which servers there are, one more, one less.

mod add;
mod drain;
mod left;
mod list;

use clap::{Args, Subcommand};

use crate::cli::args::global::Global;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
A server is one complete database of pgjobs; several share the work and nothing else. Their list is what --server or \
PGJOBS_SERVERS say: nothing here stores it, so give the same to workers, publishers and this program.

Examples:
  export PGJOBS_SERVERS='eu=postgresql://app@db1/jobs us=postgresql://app@db2/jobs'
  pgjobs servers list
  pgjobs servers add ap=postgresql://app@db3/jobs
  pgjobs servers drain us --wait";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Servers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List servers: whether they answer, what waits and runs there, and their workers.
    List,
    /// Check and migrate a server that is to be added, and say what to set where, in which order.
    Add(add::Add),
    /// Have no new keys routed to a server, so that it can be removed once it is empty.
    Drain(drain::Drain),
}

pub(crate) async fn run(args: Servers, global: &Global, console: &Console) -> Result<(), Failure> {
    match args.command {
        Command::List => list::run(global, console).await,
        Command::Add(args) => add::run(&args, global, console).await,
        Command::Drain(args) => drain::run(&args, global, console).await,
    }
}
