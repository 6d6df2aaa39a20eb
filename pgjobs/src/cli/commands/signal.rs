//! `signal`: send a signal, for which jobs wait.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
Jobs that wait for a signal of this name (`steps.wait_for`) go on with the payload, and so do jobs that ask \
for it later. The first one of a name holds: sent again it changes nothing, and the command says so. \
`pgjobs explain` says what a job waits for.

Examples:
  pgjobs signal approve/4711
  pgjobs signal approve/4711 --payload '{\"by\": \"ada\"}'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SignalArgs {
    /// The name of the signal.
    name: String,
    /// What the jobs get, as JSON; otherwise null.
    #[arg(long, value_name = "JSON", value_parser = payload, default_value = "null", hide_default_value = true)]
    payload: Value,
}

fn payload(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}; a text is '\"text\"'"))
}

pub(crate) async fn run(args: SignalArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let pool = connect(global, console).await?;
    let is_first = crate::signal(&pool, &args.name, &args.payload).await.map_err(Failure::refused)?;
    let said = || match is_first {
        true => format!("sent {}", args.name),
        false => format!("{} was sent before: nothing changed", args.name),
    };
    console.data(&json!({ "name": args.name, "is_first": is_first }), said)
}
