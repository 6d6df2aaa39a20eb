//! `schedule backfill`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use crate::JobId;
use crate::cli::args::values;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::schedule;

const AFTER_HELP: &str = "\
Publishes at once, whatever the schedule published at those times before; at most 1000 jobs in a call.

Example:
  pgjobs schedule backfill nightly --from 2030-01-01T00:00:00Z --to 2030-01-31T23:59:59Z";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Backfill {
    /// The schedule's name.
    name: String,
    /// The first time.
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    from: DateTime<Utc>,
    /// The last time.
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    to: DateTime<Utc>,
}

#[derive(Serialize)]
struct Filled {
    tick: DateTime<Utc>,
    job_id: JobId,
}

pub(super) async fn run(args: &Backfill, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let filled = schedule::backfill(pool, &args.name, args.from, args.to).await.map_err(Failure::refused)?;
    let jobs: Vec<Filled> = filled.into_iter().map(|(tick, job_id)| Filled { tick, job_id }).collect();
    let published = format!("published {}", format::jobs(jobs.len() as u64));
    console.data(&json!({ "jobs": jobs }), || published)
}
