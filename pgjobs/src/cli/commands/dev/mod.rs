//! `dev`: runs a PostgreSQL server for the current folder.
//!
//! While it runs, its URL is in a file that only its user can write, so that the other commands find it from
//! the same folder. A file that a crash left behind names a server that no longer answers, and is ignored.

#[cfg(feature = "local-postgres")]
mod run;

use clap::Args;

#[cfg(feature = "web")]
use super::serving::Serving;

#[cfg(feature = "local-postgres")]
pub(crate) use run::run;

const AFTER_HELP: &str = "\
Prints a line to export DATABASE_URL with. Other commands find the database by themselves when they \
run in the same folder, or below it, and no other one is named. DATABASE_URL is not read here. With --servers it is a line for \
PGJOBS_SERVERS, and there is one worker and one dashboard over all of them.

Examples:
  pgjobs dev
  eval \"$(pgjobs dev --print)\" && psql
  pgjobs dev --servers 3
  pgjobs dev --destroy";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Dev {
    /// Run so many servers, s1, s2 and so on, as where one is not enough: 1 to 9.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9), conflicts_with_all = ["destroy", "print"])]
    servers: u8,
    /// Keep nothing: use a fresh database, which is removed when this ends.
    #[arg(long, conflicts_with = "destroy")]
    ephemeral: bool,
    /// Print the export line of the `dev` that already runs here, and exit.
    #[arg(long, conflicts_with_all = ["destroy", "ephemeral"])]
    print: bool,
    /// Remove this folder's data instead of starting.
    #[arg(long)]
    destroy: bool,
    /// With --destroy: do not ask for confirmation.
    #[arg(short, long, requires = "destroy")]
    yes: bool,
    #[cfg(feature = "web")]
    #[command(flatten)]
    serving: Serving,
}

#[cfg(not(feature = "local-postgres"))]
mod off {
    use super::Dev;
    use crate::cli::output::console::Console;
    use crate::cli::output::failure::Failure;
    use crate::cli::setup::Setup;

    pub(crate) async fn run(_: Dev, _: Setup, _: &Console) -> Result<(), Failure> {
        Err(Failure::usage(
            "this program was built without the cargo feature `local-postgres`, so it cannot start a database: \
             build it with the feature, or set DATABASE_URL to one that runs and use `worker`",
        ))
    }
}

#[cfg(not(feature = "local-postgres"))]
pub(crate) use off::run;
