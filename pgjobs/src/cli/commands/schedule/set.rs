//! `schedule set`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args};
use sqlx::PgPool;

use super::{english, now};
use crate::cli::args::values;
use crate::cli::commands::call::CallArgs;
use crate::cli::commands::publish::warning;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::schedule::{CatchUp, Fold, Gap, Overlap, Schedule};

const AFTER_HELP: &str = "\
A cron LINE has minute, hour, day of the month, month and weekday: '*/5 9-17 * * mon-fri'. Days may also be \
L (the last), 15W (the nearest workday) and LW, weekdays fri#2 (the second of the month) and friL (the last).
A schedule that is there is replaced as a whole, but stays paused if it was.

Examples:
  pgjobs schedule set nightly reports.build --cron '0 3 * * *' --zone Europe/Berlin --kwarg format=pdf
  pgjobs schedule set poll feeds.poll --every 30s --overlap skip --catch-up skip
  pgjobs schedule set party mail.invite --at 2030-01-31T09:00:00Z";

#[derive(Args)]
#[command(after_help = AFTER_HELP, group = ArgGroup::new("due").args(["cron", "every", "at"]).required(true))]
pub(crate) struct Set {
    /// The schedule's name.
    name: String,
    /// The dotted name of the task whose jobs it publishes.
    task: String,
    /// Due as a cron line says.
    #[arg(long, value_name = "LINE")]
    cron: Option<String>,
    /// Due every so often, such as 30s, counted from 1970 in UTC.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    every: Option<Duration>,
    /// Due once, at a time such as 2030-01-31T09:00:00Z.
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    at: Option<DateTime<Utc>>,
    /// The time zone of the cron line, such as Europe/Berlin; UTC by default.
    #[arg(long, conflicts_with_all = ["every", "at"])]
    zone: Option<String>,
    /// A time that the clock skips: shift (to the first moment after) or skip [default: by the hour field].
    #[arg(long, conflicts_with_all = ["every", "at"])]
    gap: Option<Gap>,
    /// A time that the clock shows twice: first, second or both [default: by the hour field].
    #[arg(long, conflicts_with_all = ["every", "at"])]
    fold: Option<Fold>,
    /// Delay each tick by a part of this length, so that many schedules do not run at once.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    jitter: Option<Duration>,
    /// Of ticks that came late publish none (skip), the last or all; last by default.
    #[arg(long)]
    catch_up: Option<CatchUp>,
    /// With --catch-up all: at most so many; 100 by default.
    #[arg(long, value_name = "N")]
    catch_up_limit: Option<u32>,
    /// While the job of the tick before is open: allow another, or skip the tick; allow by default.
    #[arg(long)]
    overlap: Option<Overlap>,
    #[command(flatten)]
    call: CallArgs,
}

pub(super) async fn run(args: Set, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let task = args.task.clone();
    let saved = schedule(args)?.save(pool).await.map_err(Failure::refused)?;
    if let Ok(Some(warning)) = warning(pool, &task, false).await {
        console.note(format!("warning: {warning}"));
    }
    let now = now(pool).await?;
    let next = saved.next_at.map(|next| english::local(next, &saved.zone, now));
    console.data(&saved, || {
        let due = english::when(&saved);
        format!("{} is due {due}; next: {}", saved.name, next.unwrap_or_else(|| "never again".to_owned()))
    })
}

fn schedule(args: Set) -> Result<Schedule, Failure> {
    let mut schedule = Schedule::by_name(args.name, args.call.job(args.task)?);
    if let Some(line) = args.cron {
        schedule = schedule.cron(line);
    }
    if let Some(length) = args.every {
        schedule = schedule.every(length);
    }
    if let Some(at) = args.at {
        schedule = schedule.at(at);
    }
    if let Some(zone) = args.zone {
        schedule = schedule.zone(zone);
    }
    if let Some(gap) = args.gap {
        schedule = schedule.gap(gap);
    }
    if let Some(fold) = args.fold {
        schedule = schedule.fold(fold);
    }
    if let Some(jitter) = args.jitter {
        schedule = schedule.jitter(jitter);
    }
    if let Some(catch_up) = args.catch_up {
        schedule = schedule.catch_up(catch_up);
    }
    if let Some(limit) = args.catch_up_limit {
        schedule = schedule.catch_up_limit(limit);
    }
    Ok(match args.overlap {
        Some(overlap) => schedule.overlap(overlap),
        None => schedule,
    })
}
