//! `migrate`: brings the schema up to date, or shows its migrations.

use clap::Args;
use pgjobs_migrations::Migration;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::progress::Progress;
use crate::db::worker::register_tasks;
use crate::task::definition::TaskDef;
use crate::types::error::Error;

const AFTER_HELP: &str = "\
It is safe to run at every deployment and from many machines at once. A program with tasks of its own \
declares them as well, so that jobs are checked against what it takes before its workers start.

Examples:
  pgjobs migrate --dry-run
  pgjobs migrate --sql | psql --single-transaction --set ON_ERROR_STOP=1 mydb";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct MigrateArgs {
    /// Show what would be applied, and change nothing.
    #[arg(long, conflicts_with = "sql")]
    dry_run: bool,
    /// Print the complete script for an empty database instead, to be applied by other means. Requires no
    /// connection.
    #[arg(long)]
    sql: bool,
}

pub(crate) async fn run(args: MigrateArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    if args.sql {
        return script(console);
    }
    let pool = connect(global, console).await?;
    let tasks = crate::define::linked_tasks()?;
    let steps = if args.dry_run {
        crate::migrations::pending(&pool).await?
    } else {
        let _progress = Progress::spinner(console, "migrating");
        bring_up(&pool, &tasks).await?
    };
    let tasks: Vec<&str> = tasks.iter().map(|task| task.name).collect();
    let document = json!({ "dry_run": args.dry_run, "migrations": names(&steps), "tasks": tasks });
    console.data(&document, || render(&steps, args.dry_run))
}

/// Brings the schema up to date and declares the tasks of this program; returns the names of what was applied.
pub(super) async fn up(pool: &PgPool) -> Result<Vec<&'static str>, Failure> {
    Ok(names(&bring_up(pool, &crate::define::linked_tasks()?).await?))
}

async fn bring_up(pool: &PgPool, tasks: &[&TaskDef]) -> Result<Vec<Migration>, Failure> {
    let steps = crate::migrate(pool).await?;
    declare(pool, tasks).await?;
    Ok(steps)
}

/// Overrides the settings of the role and the database. There is no time limit: another program may be
/// declaring the same tasks, and this one waits for it.
const DECLARE: &str = "begin isolation level read committed read write; set local statement_timeout = 0";

/// Registers what this program's tasks take, as its workers will; the stock binary has no tasks.
async fn declare(pool: &PgPool, tasks: &[&TaskDef]) -> Result<(), Failure> {
    if tasks.is_empty() {
        return Ok(());
    }
    let described: Vec<Value> = tasks.iter().map(|task| task.describe()).collect();
    let mut tx = pool.begin_with(DECLARE).await.map_err(Error::from)?;
    register_tasks(&mut tx, &described).await?;
    Ok(tx.commit().await.map_err(Error::from)?)
}

fn script(console: &Console) -> Result<(), Failure> {
    let steps = pgjobs_migrations::steps();
    let script = pgjobs_migrations::script();
    if console.json {
        return console.document(&json!({ "migrations": names(&steps), "sql": script }));
    }
    console.raw(&script)
}

fn names(steps: &[Migration]) -> Vec<&'static str> {
    steps.iter().map(|step| step.name).collect()
}

fn render(steps: &[Migration], dry_run: bool) -> Vec<String> {
    if steps.is_empty() {
        return vec!["schema jobs is up to date".to_owned()];
    }
    let verb = if dry_run { "would apply" } else { "applied" };
    steps.iter().map(|step| format!("{verb} {}", step.name)).collect()
}
