//! `limit block` and `limit release`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::now;
use crate::cli::args::values;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::limits;

#[derive(Args)]
pub(crate) struct Block {
    /// The limit's name.
    name: String,
    /// The key: a value as JSON or text, or an array of several; none for a limit without key.
    #[arg(value_parser = values::argument)]
    key: Option<Value>,
    /// Close it for so long.
    #[arg(long = "for", value_name = "DURATION", value_parser = values::duration, required_unless_present = "until", conflicts_with = "until")]
    lasts: Option<Duration>,
    /// Close it until this time.
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    until: Option<DateTime<Utc>>,
    /// Why, for whoever finds it closed.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Args)]
pub(crate) struct Release {
    /// The limit's name.
    name: String,
    /// The key, as `limit show` shows it; none for a limit without key.
    #[arg(value_parser = values::argument)]
    key: Option<Value>,
}

pub(super) async fn block(args: &Block, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let now = now(pool).await?;
    let until = args.until.or_else(|| Some(now + args.lasts?)).unwrap_or(now);
    let reason = args.reason.as_deref();
    limits::block_key(pool, &args.name, &args.key, until, reason).await.map_err(Failure::refused)?;
    let document = json!({ "name": args.name, "key": args.key, "until": until });
    console.data(&document, || {
        format!("closed {} {}", which(&args.name, args.key.as_ref()), format::until(until, now))
    })
}

pub(super) async fn release(args: &Release, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let which = which(&args.name, args.key.as_ref());
    if !limits::release_key(pool, &args.name, &args.key).await.map_err(Failure::refused)? {
        return Err(Failure::failed(format!("{which} is not closed")));
    }
    console.data(&json!({ "name": args.name, "key": args.key }), || format!("opened {which}"))
}

fn which(name: &str, key: Option<&Value>) -> String {
    key.map_or_else(|| name.to_owned(), |key| format!("{key} of {name}"))
}
