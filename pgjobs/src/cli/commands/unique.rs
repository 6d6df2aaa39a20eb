//! `unique`: lists the unique keys that jobs hold, and takes one away.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::json;
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers::{self, Of};
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::inspect::{self, UniqueKeyRow};
use crate::{Topic, admin};

const AFTER_HELP: &str = "\
While a job holds a key, no other job is published under it. Keys contain arguments of jobs, so that only \
administrators see them.

Examples:
  pgjobs unique list --topic 'billing.*'
  pgjobs unique release billing.invoice '[7, \"2030-01-31\"]'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Unique {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the keys that jobs hold, in their order.
    List {
        /// Names under this topic; '*' is every name.
        #[arg(long, default_value = "*")]
        topic: Topic,
        /// The most keys to list.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Take a key away from the job that holds it; the job goes on, and another one may be published.
    Release {
        /// The name, as `list` shows it.
        name: String,
        /// The key, as `list` shows it.
        key: String,
        /// Do not ask for confirmation.
        #[arg(short, long)]
        yes: bool,
    },
}

pub(crate) async fn run(args: Unique, global: &Global, console: &Console) -> Result<(), Failure> {
    match args.what {
        What::List { topic, limit } => {
            let readers = readers::chosen(global, console).await?;
            let keys =
                readers.list(async |pool| Ok(inspect::unique_keys(pool, &topic, limit).await?)).await?;
            let keys = keys.first(limit, |key| (key.name.clone(), key.key.clone()));
            keys.away.print(console, &json!({ "unique_keys": keys.all }), || list(&keys.all))
        }
        What::Release { name, key, yes } => {
            release(&connect(global, console).await?, &name, &key, yes, console).await
        }
    }
}

async fn release(pool: &PgPool, name: &str, key: &str, yes: bool, console: &Console) -> Result<(), Failure> {
    confirm(&format!("let another job beside the one that holds {key} of `{name}`?"), yes, console)?;
    let job = admin::release_unique_key(pool, name, key).await?;
    console.data(&json!({ "job_id": job }), || format!("job {job} does not hold it any more"))
}

fn list(keys: &[Of<UniqueKeyRow>]) -> Vec<String> {
    if keys.is_empty() {
        return vec!["no job holds a unique key".to_owned()];
    }
    let now = Utc::now();
    table_of(["Name", "Key", "!Job", "State", "Ends"], keys.iter().map(|key| key.cells(|key| row(key, now))))
}

fn row(key: &UniqueKeyRow, now: DateTime<Utc>) -> [String; 5] {
    let ends = match (key.until, &key.state) {
        (_, None) => "is over".to_owned(),
        (Some(until), _) => format::when(until, now),
        (None, _) => "with the job".to_owned(),
    };
    let state = key.state.clone().unwrap_or_else(|| "-".to_owned());
    [key.name.clone(), key.key.clone(), key.job_id.to_string(), state, ends]
}
