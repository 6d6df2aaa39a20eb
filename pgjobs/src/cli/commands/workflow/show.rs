//! `workflow show`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use sqlx::PgPool;

use super::graph::draw;
use super::{now, style};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::lines::Line;
use crate::inspect::{self, NodeRow, Reason, WorkflowRow};

/// The time between two looks.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Show {
    /// The workflow's number.
    id: i64,
    /// Look again each second until it ends; the command fails unless it succeeds.
    #[arg(long)]
    follow: bool,
    /// A line for each node, also where many stand alike.
    #[arg(long)]
    all: bool,
}

/// All that is shown.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    workflow: WorkflowRow,
    graph: Vec<NodeRow>,
    reasons: Vec<Reason>,
}

pub(super) async fn run(args: &Show, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let mut last = String::new();
    loop {
        let found = read(args.id, pool).await?;
        let text = serde_json::to_string(&found).unwrap_or_default();
        if text != last {
            if args.follow {
                console.clear()?;
            }
            let now = now(pool).await?;
            console.data(&found, || describe(&found, args.all, now))?;
            last = text;
        }
        if !args.follow || console.is_unread() {
            return Ok(());
        }
        if found.workflow.ended_at.is_some() {
            return end(&found.workflow);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read(id: i64, pool: &PgPool) -> Result<Shown, Failure> {
    let workflow = inspect::workflow(pool, id).await.map_err(Failure::refused)?;
    let graph = inspect::workflow_nodes(pool, id).await.map_err(Failure::refused)?;
    let reasons = inspect::explain_workflow(pool, id, None).await.map_err(Failure::refused)?;
    Ok(Shown { workflow, graph, reasons })
}

fn end(workflow: &WorkflowRow) -> Result<(), Failure> {
    match workflow.state.as_str() {
        "success" => Ok(()),
        state => Err(Failure::failed(format!("workflow {} is {state}", workflow.id))),
    }
}

fn describe(shown: &Shown, is_whole: bool, now: DateTime<Utc>) -> Vec<Line> {
    let workflow = &shown.workflow;
    let named = |name: &str, value: String| Line::from(format!("{name:<12}{value}"));
    let name = workflow.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let mut lines = vec![named("Workflow", format!("{}{name}", workflow.id))];
    lines.push(match style(workflow.state.as_str()) {
        Some(style) => named("State", String::new()).paint(style, workflow.state.as_str()),
        None => named("State", workflow.state.to_string()),
    });
    lines.extend(shown.reasons.iter().map(|reason| named("", reason.message.clone())));
    lines.push(named("On failure", workflow.on_failure.to_string()));
    lines.push(named("Published", format::when(workflow.created_at, now)));
    lines.extend(workflow.deadline.map(|at| named("Deadline", format::when(at, now))));
    lines.extend(workflow.ended_at.map(|at| named("Ended", format::when(at, now))));
    lines.extend(workflow.meta.as_ref().map(|meta| named("Meta", meta.get().to_owned())));
    lines.push(Line::from(String::new()));
    lines.extend(draw(&shown.graph, is_whole));
    lines
}
