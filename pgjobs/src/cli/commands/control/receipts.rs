//! `control receipts`: lists commands and what became of them.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::{table, table_of};
use crate::control::{self, CommandRow};

#[derive(Args)]
pub(crate) struct ReceiptsArgs {
    /// Only commands to this worker.
    #[arg(long, value_name = "ID")]
    worker: Option<Uuid>,
    /// How many.
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

pub(super) async fn show(args: &ReceiptsArgs, readers: &Readers, console: &Console) -> Result<(), Failure> {
    let ask = async |pool: &PgPool| Ok(control::receipts(pool, args.worker, args.limit).await?);
    let receipts = readers.list(ask).await?.first(args.limit, |receipt| Reverse(receipt.sent_at));
    receipts.away.print(console, &json!({ "receipts": receipts.all }), || rows_of(&receipts.all))
}

/// Receipts as a table.
pub(super) fn rows(receipts: &[CommandRow]) -> Vec<String> {
    let now = Utc::now();
    table(HEADER, receipts.iter().map(|receipt| row(receipt, now)))
}

const HEADER: [&str; 10] =
    [">No", "Command", "Worker", "Host", "Sent", "By", "State", "Took", "!Answer", "!Reason"];

fn rows_of(receipts: &[Of<CommandRow>]) -> Vec<String> {
    if receipts.is_empty() {
        return vec!["no commands".to_owned()];
    }
    let now = Utc::now();
    table_of(HEADER, receipts.iter().map(|receipt| receipt.cells(|receipt| row(receipt, now))))
}

fn row(receipt: &CommandRow, now: DateTime<Utc>) -> [String; 10] {
    let took = receipt.answered_at.and_then(|at| (at - receipt.sent_at).to_std().ok());
    [
        receipt.id.to_string(),
        receipt.kind.clone(),
        receipt.worker.to_string(),
        receipt.host.clone().unwrap_or_else(|| "-".to_owned()),
        format::when(receipt.sent_at, now),
        receipt.who.clone(),
        receipt.state.to_string(),
        took.map_or_else(|| "-".to_owned(), |took| format!("{} ms", took.as_millis())),
        receipt.answer.clone().unwrap_or_default(),
        receipt.reason.clone().unwrap_or_default(),
    ]
}
