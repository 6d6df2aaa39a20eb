//! `schedule show`, `log`, `explain`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use super::list::state;
use super::{english, now};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table;
use crate::schedule::{self, Reason, ScheduleEntry, ScheduleRow};

#[derive(Args)]
pub(crate) struct Show {
    /// The schedule's name.
    pub(super) name: String,
}

#[derive(Args)]
pub(crate) struct Log {
    /// The schedule's name.
    pub(super) name: String,
    /// How many of the last entries to show, at most 200.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=200))]
    num: u8,
}

#[derive(Args)]
pub(crate) struct Explain {
    /// The schedule's name.
    pub(super) name: String,
}

pub(super) async fn run(args: &Show, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let found = schedule::get(pool, &args.name).await.map_err(Failure::refused)?;
    let ticks = schedule::next_ticks(pool, &args.name, 5).await.map_err(Failure::refused)?;
    let entries = schedule::log(pool, &args.name, 5).await.map_err(Failure::refused)?;
    let reasons = schedule::explain(pool, &args.name).await.map_err(Failure::refused)?;
    let now = now(pool).await?;
    let english = english::when(&found);
    let document = json!({ "schedule": found, "english": english, "next_ticks": ticks, "log": entries, "reasons": reasons });
    console.data(&document, || {
        let mut lines = facts(&found, &english, &reasons);
        lines.extend(ticks.iter().map(|tick| named("Next", &english::local(*tick, &found.zone, now))));
        lines.push(String::new());
        lines.extend(log_lines(&entries, &found.zone, now));
        lines
    })
}

pub(super) async fn log(args: &Log, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let found = schedule::get(pool, &args.name).await.map_err(Failure::refused)?;
    let entries = schedule::log(pool, &args.name, args.num).await.map_err(Failure::refused)?;
    let now = now(pool).await?;
    console.data(&json!({ "log": entries }), || log_lines(&entries, &found.zone, now))
}

pub(super) async fn explain(args: &Explain, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let reasons = schedule::explain(pool, &args.name).await.map_err(Failure::refused)?;
    console.data(&json!({ "schedule": args.name, "reasons": reasons }), || {
        reasons.iter().map(|reason| format!("{:<21}{}", reason.code, reason.message)).collect::<Vec<_>>()
    })
}

fn named(name: &str, value: &str) -> String {
    format!("{name:<15}{value}")
}

fn facts(schedule: &ScheduleRow, english: &str, reasons: &[Reason]) -> Vec<String> {
    let declared = match (schedule.declared, schedule.edited) {
        (false, _) => "by hand",
        (true, false) => "by the code",
        (true, true) => "by the code, and changed by hand since",
    };
    let catch_up = match schedule.catch_up.as_str() {
        "all" => format!("all, at most {}", schedule.catch_up_limit),
        other => other.to_owned(),
    };
    let mut facts = vec![
        named("Schedule", &schedule.name),
        named("Task", &schedule.task),
        named("Due", english),
        named("State", state(schedule)),
        named("Late ticks", &catch_up),
        named("Overlap", &schedule.overlap),
        named("Made", &format!("{declared}, last set by {}", schedule.changed_by)),
    ];
    facts.extend(schedule.cron.as_ref().map(|line| named("Cron", line)));
    facts.extend((schedule.jitter > 0.0).then(|| named("Jitter", &format!("up to {} s", schedule.jitter))));
    facts.extend(schedule.last_job.as_ref().map(|job| named("Last job", job)));
    facts.extend(reasons.iter().map(|reason| named("Why", &reason.message)));
    facts
}

fn log_lines(entries: &[ScheduleEntry], zone: &str, now: DateTime<Utc>) -> Vec<String> {
    let row = |entry: &ScheduleEntry| {
        [
            entry.tick.map_or("-".to_owned(), |tick| english::local(tick, zone, now)),
            entry.outcome.clone(),
            entry.job_id.clone().unwrap_or_default(),
            entry.reason.clone().unwrap_or_default(),
            format::when(entry.at, now),
        ]
    };
    table(["Tick", "Outcome", "!Job", "Why", "Written"], entries.iter().map(row))
}
