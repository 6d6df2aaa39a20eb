//! `migrate`: the schema brought up to date, or shown.

use clap::Args;
use pgjobs_migrations::Step;
use serde_json::{Value, json};

use super::connect::connect;
use super::console::Console;
use super::exit::Failure;
use super::options::Global;
use super::progress::Progress;

const AFTER_HELP: &str = "\
It is safe to run at every deployment and from many machines at once.

Examples:
  pgjobs migrate --dry-run
  pgjobs migrate --sql | psql --single-transaction --set ON_ERROR_STOP=1 mydb";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct MigrateArgs {
    /// Show what would be applied, and change nothing.
    #[arg(long, conflicts_with = "sql")]
    dry_run: bool,
    /// Print the complete script for an empty database instead, for people who apply it themselves.
    /// Needs no connection.
    #[arg(long)]
    sql: bool,
}

pub(super) async fn run(asked: MigrateArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    if asked.sql {
        return script(console);
    }
    let pool = connect(global, console).await?;
    let steps = if asked.dry_run {
        crate::pending_migrations(&pool).await?
    } else {
        let _progress = Progress::spinner(console, "migrating");
        crate::migrate(&pool).await?
    };
    let document = json!({ "dry_run": asked.dry_run, "steps": documents(&steps) });
    console.data(&document, || words(&steps, asked.dry_run))
}

fn script(console: &Console) -> Result<(), Failure> {
    let steps = pgjobs_migrations::steps();
    let script = pgjobs_migrations::script(&steps);
    if console.json {
        return console.document(&json!({ "steps": documents(&steps), "sql": script }));
    }
    console.raw(&script)
}

fn documents(steps: &[Step]) -> Vec<Value> {
    steps.iter().map(|step| json!({ "version": step.version, "name": step.name })).collect()
}

fn words(steps: &[Step], dry_run: bool) -> String {
    if steps.is_empty() {
        return "schema jobs is up to date".to_owned();
    }
    let verb = if dry_run { "would apply" } else { "applied" };
    let lines: Vec<String> =
        steps.iter().map(|step| format!("{verb} {:04} {}", step.version, step.name)).collect();
    lines.join("\n")
}
