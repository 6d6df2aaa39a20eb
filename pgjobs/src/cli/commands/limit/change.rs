//! `limit set` and `limit drop`.

use clap::{Args, ValueEnum};
use serde_json::json;
use sqlx::PgPool;

use super::unknown;
use crate::Topic;
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::limits::words::in_words;
use crate::limits::{self, Limit, OnDead};

const AFTER_HELP: &str = "\
Of a limit that is there, what is not said stays. A change of the topic, the key, --in-order or --fair makes a new \
limit, under which nothing is held yet.

Examples:
  pgjobs limit set eu.api --topic 'eu.*' --max 50 --rate 300/m
  pgjobs limit set stripe --topic 'pay.*' --key customer --rate 100/s --burst 20 --rate 1000/h
  pgjobs limit set postings --topic post --key account --in-order --on-dead hold
  pgjobs limit set tenants --topic '*' --key tenant --fair --weight acme=3
  pgjobs limit set eu.api --max 10 --without rates";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Set {
    /// The limit's name.
    name: String,
    /// The tasks that it covers; a new limit needs it.
    #[arg(long)]
    topic: Option<Topic>,
    /// An argument that makes the key; may be repeated.
    #[arg(long, value_name = "ARGUMENT", value_delimiter = ',')]
    key: Vec<String>,
    /// How many jobs of a key run at once; with 0 none starts.
    #[arg(long, value_name = "N")]
    max: Option<u32>,
    /// How many jobs of a key start, such as 100/s, 1000/h or 100/10s; may be repeated.
    #[arg(long, value_name = "RATE")]
    rate: Vec<String>,
    /// How many start at once after a pause, by the first rate.
    #[arg(long, value_name = "N")]
    burst: Option<u32>,
    /// The argument that says how many slots and starts a job takes.
    #[arg(long, value_name = "ARGUMENT")]
    cost: Option<String>,
    /// Run one job of a key after another, also while one waits for its next run.
    #[arg(long, conflicts_with = "max")]
    in_order: bool,
    /// When a job in order fails for good: let the next one run (skip), or close its key (hold, pause).
    #[arg(long)]
    on_dead: Option<OnDead>,
    /// Let keys take turns by the time that their jobs run.
    #[arg(long)]
    fair: bool,
    /// The share of a key of a fair limit; others have 1. May be repeated.
    #[arg(long, value_name = "KEY=SHARE", value_parser = weight)]
    weight: Vec<(String, f64)>,
    /// Take this away; may be repeated.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    without: Vec<Part>,
}

/// What a limit may be without.
#[derive(Clone, Copy, ValueEnum)]
enum Part {
    Key,
    Max,
    Rates,
    Cost,
    InOrder,
    Fair,
}

#[derive(Args)]
pub(crate) struct Drop {
    /// The limit's name.
    name: String,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn set(args: Set, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let name = args.name.clone();
    limit(args).save(pool).await.map_err(Failure::refused)?;
    let saved = limits::get(pool, &name).await?.ok_or_else(|| unknown(&name))?;
    console
        .data(&json!({ "limit": saved }), || format!("{name} limits {}: {}", saved.topic, in_words(&saved)))
}

fn limit(args: Set) -> Limit {
    let mut limit = args.without.iter().fold(Limit::new(args.name), |limit, part| match part {
        Part::Key => limit.without_key(),
        Part::Max => limit.without_max(),
        Part::Rates => limit.without_rates(),
        Part::Cost => limit.without_cost(),
        Part::InOrder => limit.in_order(false),
        Part::Fair => limit.fair(false),
    });
    if let Some(topic) = args.topic {
        limit = limit.topic(topic.as_str());
    }
    if !args.key.is_empty() {
        limit = limit.key(args.key.iter().map(String::as_str));
    }
    if let Some(max) = args.max {
        limit = limit.max(max);
    }
    limit = args.rate.into_iter().fold(limit, Limit::rate);
    if let Some(burst) = args.burst {
        limit = limit.burst(burst);
    }
    if let Some(cost) = args.cost {
        limit = limit.cost(cost);
    }
    if args.in_order {
        limit = limit.in_order(true);
    }
    if let Some(on_dead) = args.on_dead {
        limit = limit.on_dead(on_dead);
    }
    if args.fair {
        limit = limit.fair(true);
    }
    args.weight.into_iter().fold(limit, |limit, (key, share)| limit.weight(key, share))
}

fn weight(text: &str) -> Result<(String, f64), String> {
    text.rsplit_once('=')
        .and_then(|(key, share)| Some((key.to_owned(), share.parse().ok()?)))
        .ok_or_else(|| "a key and its share, such as acme=3".to_owned())
}

pub(super) async fn drop(args: &Drop, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let limit = limits::get(pool, &args.name).await?.ok_or_else(|| unknown(&args.name))?;
    confirm(&format!("drop the limit `{}` ({})?", limit.name, in_words(&limit)), args.yes, console)?;
    if !limits::drop(pool, &args.name).await? {
        return Err(unknown(&args.name));
    }
    console.data(&json!({ "name": args.name }), || format!("dropped {}", args.name))
}
