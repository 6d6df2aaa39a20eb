//! `operation pause`, `resume`, `cancel`.

use clap::Args;
use sqlx::PgPool;

use crate::admin::{self, OperationRow};
use crate::cli::commands::jobs::refused;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;

#[derive(Args)]
pub(crate) struct Change {
    /// The operation's number.
    id: i64,
    /// Why, for the audit.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn pause(args: &Change, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    said(
        "paused",
        &admin::pause_operation(pool, args.id, args.reason.as_deref()).await.map_err(refused)?,
        console,
    )
}

pub(super) async fn resume(args: &Change, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    said(
        "resumed",
        &admin::resume_operation(pool, args.id, args.reason.as_deref()).await.map_err(refused)?,
        console,
    )
}

pub(super) async fn cancel(args: &Change, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    said(
        "cancelled",
        &admin::cancel_operation(pool, args.id, args.reason.as_deref()).await.map_err(refused)?,
        console,
    )
}

fn said(verb: &str, now: &OperationRow, console: &Console) -> Result<(), Failure> {
    let jobs = format::jobs((now.done + now.skipped).unsigned_abs());
    console.data(now, || format!("{verb} operation {} after {jobs}", now.id))
}
