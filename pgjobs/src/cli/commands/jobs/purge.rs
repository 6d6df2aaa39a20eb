//! `purge`: deletes pending jobs for good.

use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use super::{Count, refused};
use crate::admin;
use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::progress::Progress;
use crate::{JobState, Topic};

const BATCH: u64 = 1000;

const AFTER_HELP: &str = "\
Deleted jobs leave no trace, not even in the history; `cancel` keeps them there. Running jobs stay.

Example:
  pgjobs purge --topic 'reports.*'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PurgeArgs {
    /// Pending jobs under this topic; '*' is every task.
    #[arg(long)]
    topic: Topic,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(args: PurgeArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let pool = connect(global, console).await?;
    let count = Count::of(&pool, JobState::Pending, &args.topic).await?;
    let what = format!("delete {} under `{}` for good", count.render(), args.topic);
    if count.jobs > 0 {
        confirm(&format!("{what}?"), args.yes, console)?;
    }
    let purged = purge(&pool, &args.topic, count, &Progress::of(console, &what, count.length())).await?;
    console.data(&json!({ "purged": purged }), || format!("purged {}", format::jobs(purged)))
}

/// Deletes no more jobs than the user agreed to, so that it ends while others go on publishing. If the count
/// was not exact, deletes everything.
async fn purge(pool: &PgPool, topic: &Topic, count: Count, progress: &Progress) -> Result<u64, Failure> {
    let most = if count.exact { count.jobs } else { u64::MAX };
    let mut purged = 0;
    while purged < most {
        let batch = BATCH.min(most - purged);
        match admin::purge(pool, topic, u16::try_from(batch).unwrap_or(u16::MAX)).await.map_err(refused)? {
            0 => break,
            more => purged += more,
        }
        progress.at(purged);
    }
    Ok(purged)
}
