//! `top`: what happens now, as a page in the terminal.

#[cfg(feature = "top")]
mod frame;
#[cfg(feature = "top")]
mod panes;
#[cfg(feature = "top")]
mod run;
#[cfg(feature = "top")]
mod screen;
#[cfg(feature = "top")]
mod snapshot;
#[cfg(feature = "top")]
mod state;
#[cfg(all(feature = "top", test))]
mod tests;

use std::time::Duration;

use clap::Args;

use crate::cli::args::read_from::ReadFrom;
use crate::cli::args::values;

#[cfg(feature = "top")]
pub(crate) use run::run;

const AFTER_HELP: &str = "\
Keys:
  q, Esc, Ctrl-C   end
  p, space         stop the page, and let it go on
  s                sort the tasks by the next column
  up, down         move through the tasks (also j, k, PageUp, PageDown, Home, End)
  ?                this list

A role that may read (jobs_reader) is enough: no arguments, results or errors are read. The rates are those of \
the last ten seconds. Of several servers --once shows all, and a page that goes on shows the one of --on.

Examples:
  pgjobs top
  pgjobs top --once
  pgjobs top --once --json | jq '.tasks[] | {task, ready, per_second}'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TopArgs {
    /// Print one page, and end; with --json, one document.
    #[arg(long)]
    once: bool,
    /// Look again every SECS seconds. Where the database takes long to answer, it is asked less often.
    #[arg(long, value_name = "SECS", default_value = "1", value_parser = values::seconds)]
    interval: Duration,
    #[command(flatten)]
    read_from: ReadFrom,
}

#[cfg(not(feature = "top"))]
mod off {
    use super::TopArgs;
    use crate::cli::args::global::Global;
    use crate::cli::output::console::Console;
    use crate::cli::output::failure::Failure;

    pub(crate) async fn run(_: TopArgs, _: &Global, _: &Console) -> Result<(), Failure> {
        Err(Failure::without_feature("top", "it has no page in the terminal"))
    }
}

#[cfg(not(feature = "top"))]
pub(crate) use off::run;
