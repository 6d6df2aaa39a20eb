//! `schedule`: lists, makes, changes and runs schedules.

mod backfill;
mod change;
mod english;
mod list;
mod next;
mod set;
mod show;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::{db, schedule};

const AFTER_HELP: &str = "\
Any worker publishes the jobs of schedules that are due, about once a second; without a worker \
`select jobs.tick()` does.

Examples:
  pgjobs schedule set nightly reports.build --cron '0 3 * * *' --zone Europe/Berlin
  pgjobs schedule list
  pgjobs schedule show nightly
  pgjobs schedule pause nightly --note 'the warehouse moves'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List schedules.
    List(list::List),
    /// Show all about a schedule: its next times, its last ticks, and why it publishes nothing.
    Show(show::Show),
    /// Make a schedule, or replace what was said of one.
    Set(Box<set::Set>),
    /// Stop its ticks until it is resumed.
    Pause(change::Pause),
    /// Let it tick again.
    Resume(change::Resume),
    /// Publish its job now.
    Run(change::Run),
    /// Show when it, or a cron line, is due next.
    Next(next::Next),
    /// Publish a job for each of its times in the past.
    Backfill(backfill::Backfill),
    /// Show what became of its ticks, and who changed it.
    Log(show::Log),
    /// Show why it publishes nothing.
    Explain(show::Explain),
    /// Remove it and its log.
    Drop(change::Drop),
}

pub(crate) async fn run(args: Schedule, global: &Global, console: &Console) -> Result<(), Failure> {
    if let Command::List(args) = &args.command {
        return list::run(args, &readers::chosen(global, console).await?, console).await;
    }
    let pool = match args.command.reads() {
        Some(name) => holder(name, global, console).await?,
        None => connect(global, console).await?,
    };
    match args.command {
        Command::List(_) => Ok(()),
        Command::Show(args) => show::run(&args, &pool, console).await,
        Command::Set(args) => set::run(*args, &pool, console).await,
        Command::Pause(args) => change::pause(&args, &pool, console).await,
        Command::Resume(args) => change::resume(&args, &pool, console).await,
        Command::Run(args) => change::run(&args, &pool, console).await,
        Command::Next(args) => next::run(&args, &pool, console).await,
        Command::Backfill(args) => backfill::run(&args, &pool, console).await,
        Command::Log(args) => show::log(&args, &pool, console).await,
        Command::Explain(args) => show::explain(&args, &pool, console).await,
        Command::Drop(args) => change::drop(&args, &pool, console).await,
    }
}

impl Command {
    /// The schedule that is read, and not changed.
    fn reads(&self) -> Option<&str> {
        match self {
            Command::Show(args) => Some(&args.name),
            Command::Log(args) => Some(&args.name),
            Command::Explain(args) => Some(&args.name),
            Command::Next(args) => args.name.as_deref(),
            _ => None,
        }
    }
}

/// The pool of the server that has this schedule.
async fn holder(name: &str, global: &Global, console: &Console) -> Result<PgPool, Failure> {
    let readers = readers::chosen(global, console).await?;
    let has = async |pool: &PgPool| match schedule::get(pool, name).await {
        Ok(_) => Ok(true),
        Err(crate::Error::Refused { code, .. }) if code == "PT404" => Ok(false),
        Err(error) => Err(Failure::refused(error)),
    };
    Ok(readers.holder(&format!("the schedule `{name}`"), has).await?.1)
}

/// The time by the database's clock, which decides what is due.
async fn now(pool: &PgPool) -> Result<DateTime<Utc>, Failure> {
    Ok(db::inspect::now(&mut *pool.acquire().await?).await?)
}
