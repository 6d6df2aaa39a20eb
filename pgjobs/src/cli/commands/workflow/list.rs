//! `workflow list`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use super::now;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table;
use crate::inspect::{self, WorkflowFilter, WorkflowRow};

#[derive(Args)]
pub(crate) struct List {
    /// Only those that are running, compensating, success, failed, cancelled or compensated.
    #[arg(long)]
    state: Option<String>,
    /// Only those of this name, or of names that fit a pattern such as import.*.
    #[arg(long)]
    name: Option<String>,
    /// The most workflows to list.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Only those before this one, for the next page.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

pub(super) async fn run(args: &List, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let filter = WorkflowFilter {
        state: args.state.clone(),
        name: args.name.clone(),
        before: args.before,
        limit: args.limit,
    };
    let workflows = inspect::workflows(pool, &filter).await.map_err(Failure::refused)?;
    let now = now(pool).await?;
    console.data(&json!({ "workflows": workflows }), || {
        if workflows.is_empty() {
            return vec!["no workflows".to_owned()];
        }
        table(
            [">Id", "Name", "State", ">Nodes", ">Open", ">Running", ">Failed", "Published", "Ended"],
            workflows.iter().map(|workflow| row(workflow, now)),
        )
    })
}

fn row(workflow: &WorkflowRow, now: DateTime<Utc>) -> [String; 9] {
    [
        workflow.id.to_string(),
        workflow.name.clone().unwrap_or_else(|| "-".to_owned()),
        workflow.state.to_string(),
        format::count(workflow.nodes),
        format::count(workflow.open),
        format::count(workflow.running),
        format::count(workflow.failed),
        format::when(workflow.created_at, now),
        workflow.ended_at.map_or_else(|| "-".to_owned(), |at| format::when(at, now)),
    ]
}
