//! `schedule list`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use super::{english, now};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table;
use crate::schedule::{self, ScheduleRow};

#[derive(Args)]
pub(crate) struct List {
    /// Only schedules whose name is under this pattern, such as 'reports.*'.
    #[arg(long, default_value = "*")]
    name: String,
}

pub(super) async fn run(args: &List, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let schedules = schedule::list(pool, &args.name).await?;
    let now = now(pool).await?;
    console.data(&json!({ "schedules": schedules }), || rows(&schedules, now))
}

fn rows(schedules: &[ScheduleRow], now: DateTime<Utc>) -> Vec<String> {
    if schedules.is_empty() {
        return vec![
            "no schedules: `schedule set` makes one, and workers save those of their tasks".to_owned(),
        ];
    }
    table(
        ["!Name", "Task", "Due", "State", "Next", "Last"],
        schedules.iter().map(|schedule| row(schedule, now)),
    )
}

fn row(schedule: &ScheduleRow, now: DateTime<Utc>) -> [String; 6] {
    let at = |at: Option<DateTime<Utc>>| at.map_or("-".to_owned(), |at| format::when(at, now));
    [
        schedule.name.clone(),
        schedule.task.clone(),
        english::when(schedule),
        state(schedule).to_owned(),
        at(schedule.due_at),
        at(schedule.last_at),
    ]
}

/// One word for what it is doing.
pub(super) fn state(schedule: &ScheduleRow) -> &'static str {
    match (schedule.paused_at, schedule.undeclared_at, schedule.next_at) {
        (Some(_), ..) => "paused",
        (None, Some(_), _) => "undeclared",
        (None, None, None) => "ended",
        _ => "active",
    }
}
