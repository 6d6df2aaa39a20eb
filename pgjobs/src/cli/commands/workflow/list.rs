//! `workflow list`.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use super::now;
use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
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

pub(super) async fn run(args: &List, readers: &Readers, console: &Console) -> Result<(), Failure> {
    let filter = WorkflowFilter {
        state: args.state.clone(),
        name: args.name.clone(),
        before: args.before,
        limit: args.limit,
    };
    let ask = async |pool: &PgPool| {
        let now = now(pool).await?;
        let workflows = inspect::workflows(pool, &filter).await.map_err(Failure::refused)?;
        Ok(workflows.into_iter().map(|workflow| Seen { workflow, now }).collect())
    };
    if args.before.is_some() {
        readers.refuse_number("--before")?;
    }
    let workflows = readers.list(ask).await?.first(args.limit, |seen| Reverse(seen.workflow.created_at));
    workflows.away.print(console, &json!({ "workflows": workflows.all }), || rows(&workflows.all))
}

/// A workflow, at a time by the clock of its server.
#[derive(Serialize)]
struct Seen {
    #[serde(flatten)]
    workflow: WorkflowRow,
    #[serde(skip)]
    now: DateTime<Utc>,
}

fn rows(workflows: &[Of<Seen>]) -> Vec<String> {
    if workflows.is_empty() {
        return vec!["no workflows".to_owned()];
    }
    table_of(
        [">Id", "Name", "State", ">Nodes", ">Open", ">Running", ">Failed", "Published", "Ended"],
        workflows.iter().map(|seen| seen.cells(row)),
    )
}

fn row(Seen { workflow, now }: &Seen) -> [String; 9] {
    let now = *now;
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
