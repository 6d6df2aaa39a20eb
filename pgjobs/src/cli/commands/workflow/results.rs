//! `workflow results`.

use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::commands::jobs::refused;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::lines::{Line, Style, indented};
use crate::inspect::{self, NodeResultRow};

/// The column at which results begin.
const COLUMN: usize = 10;

#[derive(Args)]
pub(crate) struct Results {
    /// The workflow's number.
    id: i64,
    /// The node's name.
    node: String,
    /// Only those after this position; with the last one of a page, the next page.
    #[arg(long, value_name = "NTH", default_value_t = -1, allow_negative_numbers = true)]
    after: i32,
    /// The most results to print.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

pub(super) async fn run(args: &Results, pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let found = inspect::node_results(pool, args.id, &args.node, args.after, args.limit).await;
    let results = found.map_err(refused)?;
    if results.is_empty() && !console.json {
        console.note("no results: no job of the node has ended, or nobody wants the results of this group");
    }
    console.data(&json!({ "id": args.id, "node": args.node, "results": results }), || {
        results.iter().flat_map(line).collect::<Vec<Line>>()
    })
}

fn line(result: &NodeResultRow) -> Vec<Line> {
    let begin = Line::from(format!("{:<COLUMN$}", result.nth));
    let text = match (&result.error, &result.result) {
        (Some(error), _) => error.as_str(),
        (None, Some(result)) => result.get(),
        (None, None) => "-",
    };
    let mut lines = indented(text, COLUMN).into_iter();
    let first = lines.next().unwrap_or_default();
    let first = match result.error {
        Some(_) => begin.paint(Style::Red, &first),
        None => begin.plain(&first),
    };
    [first].into_iter().chain(lines.map(Line::from)).collect()
}
