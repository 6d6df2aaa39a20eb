//! `limit list` and `limit show`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use super::{now, unknown};
use crate::Topic;
use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::{table, table_of};
use crate::limits::words::in_words;
use crate::limits::{self, LimitKeyRow, LimitRow};

/// Where the database stops counting the jobs that wait.
const COUNTED_TO: i64 = 10_000;

#[derive(Args)]
pub(crate) struct List {
    /// Only limits over this task, or whose topics are under this one.
    #[arg(long)]
    topic: Option<Topic>,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The limit's name.
    pub(super) name: String,
    /// The most keys to list.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

pub(super) async fn run(args: &List, readers: &Readers, console: &Console) -> Result<(), Failure> {
    let limits = readers.list(async |pool| Ok(limits::list(pool, args.topic.as_ref()).await?)).await?;
    limits.away.print(console, &json!({ "limits": limits.all }), || rows(&limits.all))
}

fn rows(limits: &[Of<LimitRow>]) -> Vec<String> {
    if limits.is_empty() {
        return vec!["no limits: `limit set` makes one, and workers save those of their tasks".to_owned()];
    }
    let header = ["!Name", "Topic", "Key", "Limits", ">Held", ">Blocked", ">Closed"];
    table_of(header, limits.iter().map(|limit| limit.cells(row)))
}

pub(super) async fn show(args: &Show, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let limit = limits::get(pool, &args.name).await?.ok_or_else(|| unknown(&args.name))?;
    let keys = limits::keys(pool, &args.name, args.limit).await.map_err(Failure::refused)?;
    let now = now(pool).await?;
    console.data(&json!({ "limit": limit, "keys": keys }), || {
        let mut lines = facts(&limit, now);
        if !keys.is_empty() {
            lines.push(String::new());
            lines.extend(table(
                ["Key", ">Held", ">Blocked", "Closed", "Next start"],
                keys.iter().map(|key| key_row(key, now)),
            ));
        }
        lines
    })
}

fn facts(limit: &LimitRow, now: DateTime<Utc>) -> Vec<String> {
    let named = |name: &str, value: &str| format!("{name:<11}{value}");
    let by = match &limit.declared_by {
        Some(task) => format!("declared by the task {task}"),
        None => format!("by {}", limit.changed_by),
    };
    vec![
        named("Limit", &limit.name),
        named("Topic", &limit.topic),
        named("Key", &key_names(limit)),
        named("Limits", &in_words(limit)),
        named("Held", &format::count(limit.held)),
        named("Blocked", &blocked(limit.blocked)),
        named("Changed", &format!("{} {by}", format::when(limit.changed_at, now))),
    ]
}

fn row(limit: &LimitRow) -> [String; 7] {
    [
        limit.name.clone(),
        limit.topic.clone(),
        key_names(limit),
        in_words(limit),
        format::count(limit.held),
        blocked(limit.blocked),
        format::count(limit.closed),
    ]
}

fn key_names(limit: &LimitRow) -> String {
    limit.key.as_ref().map_or_else(|| "-".to_owned(), |key| key.join(", "))
}

fn blocked(jobs: i64) -> String {
    format::counted(jobs.min(COUNTED_TO), jobs <= COUNTED_TO)
}

fn key_row(key: &LimitKeyRow, now: DateTime<Utc>) -> [String; 5] {
    let closed = match (key.closed_until, &key.reason) {
        (None, _) => "-".to_owned(),
        (Some(until), reason) => {
            let until = if until.timestamp() > now.timestamp() + 3_000_000_000 {
                "until it is released".to_owned()
            } else {
                format::until(until, now)
            };
            reason.as_ref().map_or_else(|| until.clone(), |reason| format!("{until}: {reason}"))
        }
    };
    let next = key.next_at.map_or_else(|| "-".to_owned(), |at| format::when(at, now));
    [key.key.to_string(), format::count(i64::from(key.held)), blocked(key.blocked), closed, next]
}
