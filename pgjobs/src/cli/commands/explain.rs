//! `explain`: why a job is not running.

use clap::Args;
use serde::Serialize;

use crate::JobId;
use crate::cli::args::global::{Global, with_own_commands};
use crate::cli::args::read_from::ReadFrom;
use crate::cli::args::values;
use crate::cli::database::connect::warn_of_hidden;
use crate::cli::database::reader::connect;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::inspect::{self, Reason};

const AFTER_HELP: &str = "\
One line for each reason, the weightiest first: a code for programs and a sentence.

Examples:
  pgjobs explain 0199d1f2a4b07c3e8f5a6b7c8d9e0f12
  pgjobs explain 0199d1f2a4b07c3e8f5a6b7c8d9e0f12 --json | jq -r '.reasons[0].code'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Explain {
    /// The job's id.
    #[arg(value_parser = values::any_id)]
    id: JobId,
    #[command(flatten)]
    read_from: ReadFrom,
}

#[derive(Serialize)]
struct Explained<'a> {
    job_id: &'a JobId,
    reasons: &'a [Reason],
}

pub(crate) async fn run(args: Explain, global: &Global, console: &Console) -> Result<(), Failure> {
    let pool = connect(&args.read_from, global, console).await?;
    warn_of_hidden(&pool).await;
    let reasons = inspect::explain(&pool, &args.id).await?;
    let explained = Explained { job_id: &args.id, reasons: &reasons };
    console.data(&explained, || {
        let lines =
            reasons.iter().map(|reason| format!("{:<21}{}", reason.code, with_own_commands(&reason.message)));
        lines.collect::<Vec<_>>()
    })
}
