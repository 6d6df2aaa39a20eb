//! `workflow cancel` and `workflow retry`.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use crate::admin;
use crate::cli::args::values;
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::inspect::{self, WorkflowRow};

#[derive(Args)]
pub(crate) struct Cancel {
    /// The workflow's number.
    id: i64,
    /// Only this node, and those that come after it.
    #[arg(long)]
    node: Option<String>,
    /// How long the code of running jobs may go on.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = values::duration)]
    grace: Duration,
    /// Why, for the audit and for whoever looks.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,
}

#[derive(Args)]
pub(crate) struct Retry {
    /// The workflow's number.
    id: i64,
    /// Only this node, and those that come after it.
    #[arg(long)]
    node: Option<String>,
    /// Why, for the audit.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn cancel(args: &Cancel, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let workflow = inspect::workflow(pool, args.id).await.map_err(Failure::refused)?;
    let open = format!("{} of its {} nodes are open", workflow.open, workflow.nodes);
    confirm(&format!("cancel {} ({open})?", which(&workflow, args.node.as_deref())), args.yes, console)?;
    let (node, reason) = (args.node.as_deref(), args.reason.as_deref());
    let nodes =
        admin::cancel_workflow(pool, args.id, node, reason, args.grace).await.map_err(Failure::refused)?;
    let document = json!({ "id": args.id, "node": args.node, "cancelled": nodes });
    console.data(&document, || format!("cancelled {} of workflow {}", counted(nodes, "node"), args.id))
}

pub(super) async fn retry(args: &Retry, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let (node, reason) = (args.node.as_deref(), args.reason.as_deref());
    let jobs = admin::retry_workflow(pool, args.id, node, reason).await.map_err(Failure::refused)?;
    let document = json!({ "id": args.id, "node": args.node, "jobs": jobs });
    let number = i64::try_from(jobs.len()).unwrap_or(i64::MAX);
    console.data(&document, || match number {
        1 => format!("1 job of workflow {} runs again", args.id),
        _ => format!("{} of workflow {} run again", counted(number, "job"), args.id),
    })
}

fn which(workflow: &WorkflowRow, node: Option<&str>) -> String {
    let name = workflow.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
    match node {
        None => format!("workflow {}{name}", workflow.id),
        Some(node) => {
            format!("the node `{node}` of workflow {}{name} and what comes after it", workflow.id)
        }
    }
}

fn counted(number: i64, what: &str) -> String {
    format!("{} {what}{}", format::count(number), if number == 1 { "" } else { "s" })
}
