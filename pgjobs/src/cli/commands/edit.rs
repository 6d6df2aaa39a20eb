//! `edit`: changes a job that does not run.

use chrono::{DateTime, Utc};
use clap::Args;

use super::call::CallArgs;
use super::jobs::refused;
use crate::JobId;
use crate::admin::Edit;
use crate::cli::args::global::Global;
use crate::cli::args::values;
use crate::cli::database::connect::connect;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
Of a pending job, or one that failed or was cancelled (`retry` then runs it as edited). What is not given stays; \
arguments are replaced all together, and so are notes. The audit keeps the old values.

Examples:
  pgjobs edit 0199d1f2a4b07c3e8f5a6b7c8d9e0f12 --args '[7, \"pt\"]' --reason 'a wrong id'
  pgjobs edit 0199d1f2a4b07c3e8f5a6b7c8d9e0f12 --priority 9 --at 2030-01-31T09:00:00Z";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct EditArgs {
    /// The job's id.
    id: JobId,
    #[command(flatten)]
    call: CallArgs,
    /// Do not run it before this time, such as 2030-01-31T09:00:00Z; a time that has passed makes it due.
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    at: Option<DateTime<Utc>>,
    /// Why, for the audit.
    #[arg(long)]
    reason: Option<String>,
}

pub(crate) async fn run(args: EditArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let edit = edit(args)?;
    let pool = connect(global, console).await?;
    let job = edit.save(&pool).await.map_err(refused)?;
    console.data(&job, || format!("edited {}", job.job_id))
}

fn edit(args: EditArgs) -> Result<Edit, Failure> {
    let has_arguments = args.call.has_arguments();
    let mut edit = args.call.options_of(Edit::new(&args.id));
    if has_arguments {
        edit = edit.arguments(args.call.job("edited".to_owned())?);
    }
    if let Some(at) = args.at {
        edit = edit.scheduled_at(at);
    }
    Ok(match args.reason {
        Some(reason) => edit.reason(reason),
        None => edit,
    })
}
