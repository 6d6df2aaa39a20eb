//! `operation list`.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;

use crate::admin::{self, OperationRow};
use crate::cli::commands::jobs::refused;
use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;

#[derive(Args)]
pub(crate) struct List {
    /// The most operations to list.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

pub(super) async fn run(args: &List, readers: &Readers, console: &Console) -> Result<(), Failure> {
    let ask = async |pool: &PgPool| admin::operations(pool, None, args.limit).await.map_err(refused);
    let operations = readers.list(ask).await?.first(args.limit, |operation| Reverse(operation.started_at));
    operations.away.print(console, &json!({ "operations": operations.all }), || rows(&operations.all))
}

fn rows(operations: &[Of<OperationRow>]) -> Vec<String> {
    if operations.is_empty() {
        return vec![
            "no operations: `retry`, `redrive`, `cancel` and `purge` with --topic start one".to_owned(),
        ];
    }
    let now = Utc::now();
    table_of(
        [">Id", "Kind", "Topic", "State", ">Done", ">Skipped", ">Of", "Started", "By"],
        operations.iter().map(|operation| operation.cells(|operation| row(operation, now))),
    )
}

fn row(operation: &OperationRow, now: DateTime<Utc>) -> [String; 9] {
    [
        operation.id.to_string(),
        operation.kind.clone(),
        operation.topic.clone(),
        operation.state.clone(),
        format::count(operation.done.unsigned_abs()),
        format::count(operation.skipped.unsigned_abs()),
        format::counted(operation.matched.unsigned_abs(), operation.matched_exactly),
        format::when(operation.started_at, now),
        operation.who.clone(),
    ]
}
