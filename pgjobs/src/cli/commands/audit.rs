//! `audit`: shows what people did.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use super::jobs::refused;
use crate::admin::{self, AuditFilter, AuditRow};
use crate::cli::args::global::Global;
use crate::cli::database::readers::{self, Of};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;

const AFTER_HELP: &str = "\
What was done to jobs, operations, schedules and rights, newest first; kept for a year. --json has the details, \
such as the arguments before an edit.

Examples:
  pgjobs audit 0199d1f2a4b07c3e8f5a6b7c8d9e0f12
  pgjobs audit --action retry";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct AuditArgs {
    /// Only what was done to this job, topic, schedule or role.
    target: Option<String>,
    /// Only what was done by this action, such as retry, edit or pause_schedule.
    #[arg(long)]
    action: Option<String>,
    /// Only rows before this one.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// The most rows to show.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

pub(crate) async fn run(args: AuditArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let readers = readers::chosen(global, console).await?;
    let filter =
        AuditFilter { target: args.target, action: args.action, before: args.before, num: args.limit };
    if args.before.is_some() {
        readers.refuse_number("--before")?;
    }
    let rows = readers.list(async |pool| admin::audit(pool, &filter).await.map_err(refused)).await?;
    let rows = rows.first(args.limit, |row| Reverse(row.at));
    rows.away.print(console, &json!({ "audit": rows.all }), || lines(&rows.all))
}

fn lines(rows: &[Of<AuditRow>]) -> Vec<String> {
    if rows.is_empty() {
        return vec!["nothing was done that the audit has".to_owned()];
    }
    let now = Utc::now();
    table_of(
        [">Id", "When", "Who", "Action", "!Target", ">Jobs", "Why"],
        rows.iter().map(|audit| audit.cells(|audit| row(audit, now))),
    )
}

fn row(audit: &AuditRow, now: DateTime<Utc>) -> [String; 7] {
    let user = audit.role.as_ref().map_or(audit.who.clone(), |role| format!("{} as {role}", audit.who));
    let who = audit.person.as_ref().map_or(user.clone(), |person| format!("{person} by {user}"));
    [
        audit.id.to_string(),
        format::when(audit.at, now),
        who,
        audit.action.clone(),
        audit.target.clone().unwrap_or_else(|| "-".to_owned()),
        audit.jobs.map_or("-".to_owned(), |jobs| format::count(jobs.unsigned_abs())),
        audit.reason.clone().unwrap_or_default(),
    ]
}
