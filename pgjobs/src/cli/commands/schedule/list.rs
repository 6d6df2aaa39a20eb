//! `schedule list`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{english, now};
use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::schedule::{self, ScheduleRow};

#[derive(Args)]
pub(crate) struct List {
    /// Only schedules whose name is under this pattern, such as 'reports.*'.
    #[arg(long, default_value = "*")]
    name: String,
}

pub(super) async fn run(args: &List, readers: &Readers, console: &Console) -> Result<(), Failure> {
    let schedules = readers.list(async |pool| {
        let now = now(pool).await?;
        let schedules = schedule::list(pool, &args.name).await?;
        Ok(schedules.into_iter().map(|schedule| Seen { schedule, now }).collect())
    });
    let schedules = schedules.await?;
    schedules.away.print(console, &json!({ "schedules": schedules.all }), || rows(&schedules.all))
}

/// A schedule, at a time by the clock of its server.
#[derive(Serialize)]
struct Seen {
    #[serde(flatten)]
    schedule: ScheduleRow,
    #[serde(skip)]
    now: DateTime<Utc>,
}

fn rows(schedules: &[Of<Seen>]) -> Vec<String> {
    if schedules.is_empty() {
        return vec![
            "no schedules: `schedule set` makes one, and workers save those of their tasks".to_owned(),
        ];
    }
    table_of(["!Name", "Task", "Due", "State", "Next", "Last"], schedules.iter().map(|seen| seen.cells(row)))
}

fn row(Seen { schedule, now }: &Seen) -> [String; 6] {
    let at = |at: Option<DateTime<Utc>>| at.map_or("-".to_owned(), |at| format::when(at, *now));
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
