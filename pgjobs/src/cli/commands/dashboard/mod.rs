//! `dashboard`: serves the pages on which people see and repair what runs.

#[cfg(all(feature = "web", feature = "local-postgres"))]
pub(crate) mod beside;
#[cfg(feature = "web")]
mod run;
#[cfg(feature = "web")]
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::read_from::ReadFrom;

#[cfg(feature = "web")]
pub(crate) use run::run;

const AFTER_HELP: &str = "\
Who may log in: the users of --users, a file with a line name:role:sha256 for each; or one user with the password \
of PGJOBS_DASHBOARD_PASSWORD. Without either a password is made and printed once, and the address has to be \
one of this machine alone. Roles: a viewer looks, an operator also retries, cancels and pauses, an admin also \
changes arguments, deletes, and sees what tasks declare as sensitive.

The connection is not encrypted: put a proxy with TLS before it where others reach it.

With --read-dsn pages are read from a standby and say how old they are; changes are made on the primary. While the \
standby is away there are no pages: the primary is not read instead.

Examples:
  pgjobs dashboard
  pgjobs dashboard --role viewer --listen 127.0.0.1:9090
  pgjobs dashboard --listen 0.0.0.0:8080 --users /etc/pgjobs/users";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DashboardArgs {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// A file with a line name:role:sha256 for each user.
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// What the one user may do, where there is no file: viewer, operator or admin.
    #[arg(long, default_value = "operator", conflicts_with = "users")]
    role: String,
    /// The name of this installation, which each page shows.
    #[arg(long, default_value = "pgjobs")]
    name: String,
    /// The path under which browsers see it, where a proxy takes it off.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    #[command(flatten)]
    read_from: ReadFrom,
}

#[cfg(not(feature = "web"))]
mod off {
    use super::DashboardArgs;
    use crate::cli::args::global::Global;
    use crate::cli::output::console::Console;
    use crate::cli::output::failure::Failure;

    pub(crate) async fn run(_: DashboardArgs, _: &Global, _: &Console) -> Result<(), Failure> {
        Err(Failure::without_feature("web", "it has no dashboard"))
    }
}

#[cfg(not(feature = "web"))]
pub(crate) use off::run;
