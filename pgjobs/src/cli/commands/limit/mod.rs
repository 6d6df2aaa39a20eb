//! `limit`: lists, makes, changes and drops limits, and closes and opens their keys.

mod change;
mod keys;
mod list;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::{db, limits};

const AFTER_HELP: &str = "\
A limit covers the tasks under its topic, in all workers together, and holds at once, also for the jobs that wait. \
With a key it holds for each value of these arguments by itself.

Examples:
  pgjobs limit set eu.api --topic 'eu.*' --max 50 --rate 300/m
  pgjobs limit set each --topic 'mail.*' --key customer --max 2
  pgjobs limit show each
  pgjobs limit block each '\"acme\"' --for 5m --reason 'they asked for a pause'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Limit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List limits and how much of each is in use.
    List(list::List),
    /// Show a limit and its keys: those that are closed, those for which jobs wait, and the busiest.
    Show(list::Show),
    /// Make a limit, or change what is said of one.
    Set(Box<change::Set>),
    /// Drop a limit; the jobs that it kept back start as others do.
    Drop(change::Drop),
    /// Close a key: none of its jobs starts before a time.
    Block(keys::Block),
    /// Open a key that is closed.
    Release(keys::Release),
}

pub(crate) async fn run(args: Limit, global: &Global, console: &Console) -> Result<(), Failure> {
    if let Command::List(args) = &args.command {
        return list::run(args, &readers::chosen(global, console).await?, console).await;
    }
    let pool = match &args.command {
        Command::Show(args) => holder(&args.name, global, console).await?,
        _ => connect(global, console).await?,
    };
    match args.command {
        Command::List(_) => Ok(()),
        Command::Show(args) => list::show(&args, &pool, console).await,
        Command::Set(args) => change::set(*args, &pool, console).await,
        Command::Drop(args) => change::drop(&args, &pool, console).await,
        Command::Block(args) => keys::block(&args, &pool, console).await,
        Command::Release(args) => keys::release(&args, &pool, console).await,
    }
}

/// The pool of the server that has this limit.
async fn holder(name: &str, global: &Global, console: &Console) -> Result<PgPool, Failure> {
    let readers = readers::chosen(global, console).await?;
    let has = async |pool: &PgPool| Ok(limits::get(pool, name).await?.is_some());
    Ok(readers.holder(&format!("the limit `{name}`"), has).await?.1)
}

/// The time by the database's clock, which opens what is closed.
async fn now(pool: &PgPool) -> Result<DateTime<Utc>, Failure> {
    Ok(db::inspect::now(&mut *pool.acquire().await?).await?)
}

/// There is no limit of this name.
fn unknown(name: &str) -> Failure {
    Failure::failed(format!("there is no limit `{name}`; `pgjobs limit list` lists them"))
}
