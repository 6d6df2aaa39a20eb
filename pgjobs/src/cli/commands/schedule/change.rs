//! `schedule pause`, `resume`, `run`, `drop`.

use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::schedule;

#[derive(Args)]
pub(crate) struct Pause {
    /// The schedule's name.
    name: String,
    /// Why, for whoever finds it paused.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Args)]
pub(crate) struct Resume {
    /// The schedule's name.
    name: String,
    /// Do not make up for ticks of the pause, whatever its catch_up says.
    #[arg(long)]
    skip_missed: bool,
}

#[derive(Args)]
pub(crate) struct Run {
    /// The schedule's name.
    name: String,
}

#[derive(Args)]
pub(crate) struct Drop {
    /// The schedule's name.
    name: String,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn pause(args: &Pause, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let paused = schedule::pause(pool, &args.name, args.note.as_deref()).await.map_err(Failure::refused)?;
    console.data(&paused, || format!("paused {}", args.name))
}

pub(super) async fn resume(args: &Resume, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let resumed = schedule::resume(pool, &args.name, !args.skip_missed).await.map_err(Failure::refused)?;
    console.data(&resumed, || format!("resumed {}", args.name))
}

pub(super) async fn run(args: &Run, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let job = schedule::run(pool, &args.name).await.map_err(Failure::refused)?;
    console.data(&json!({ "job_id": job }), || job.to_string())
}

pub(super) async fn drop(args: &Drop, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let found = schedule::get(pool, &args.name).await.map_err(Failure::refused)?;
    if found.declared && found.undeclared_at.is_none() {
        console.note(
            "the code declares it: the next worker that starts makes it again (`schedule pause` stops it)",
        );
    }
    confirm(&format!("remove the schedule `{}` and its log?", args.name), args.yes, console)?;
    let dropped = schedule::drop(pool, &args.name).await.map_err(Failure::refused)?;
    console.data(&json!({ "dropped": dropped }), || format!("dropped {}", args.name))
}
