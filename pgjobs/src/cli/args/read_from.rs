//! Where a command that only reads may read from.

use clap::Args;

#[derive(Args, Default, Clone)]
pub(crate) struct ReadFrom {
    /// Read from this standby, without a password in the URL: arguments are visible to every user.
    /// PGJOBS_READ_DSN names it as well, and may have one. Of several servers eu=URL, which is read with --on eu.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) read_dsn: Option<String>,
}
