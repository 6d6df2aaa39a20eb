//! `control`: tells workers what to do, and shows what became of it.

mod receipts;
mod send;

use clap::{Args, Subcommand};

use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::database::readers;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::control::Command;

const AFTER_HELP: &str = "\
Each command ends in a receipt: applied, refused, or expired when its worker is gone or did not begin with it \
in time. --wait waits for the receipts, and fails when one is not applied.

Examples:
  pgjobs control pause --topic 'mail.*' --reason 'mail server down' --wait
  pgjobs control slots 4 --worker 0199d1f2-a4b0-7c3e-8f5a-6b7c8d9e0f12
  pgjobs control drain --all --wait
  pgjobs control receipts";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Control {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Ask whether workers hear, and how fast.
    Ping(send::To),
    /// Claim no more jobs; what runs goes on.
    Pause(send::To),
    /// Claim again.
    Resume(send::To),
    /// Run this many jobs at once from now on.
    Slots {
        /// 1 to 10,000.
        #[arg(value_parser = clap::value_parser!(u16).range(1..=10_000))]
        slots: u16,
        #[command(flatten)]
        to: send::To,
    },
    /// Claim no more jobs, and end when the last run has ended.
    Drain(send::To),
    /// End at once, and release what runs.
    Stop(send::To),
    /// Log by another filter from now on.
    Log {
        /// Such as info,shop=debug.
        filter: String,
        #[command(flatten)]
        to: send::To,
    },
    /// List what became of the last commands, newest first.
    Receipts(receipts::ReceiptsArgs),
}

pub(crate) async fn run(args: Control, global: &Global, console: &Console) -> Result<(), Failure> {
    if let What::Receipts(args) = &args.command {
        return receipts::show(args, &readers::chosen(global, console).await?, console).await;
    }
    let pool = connect(global, console).await?;
    let (command, to) = match args.command {
        What::Ping(to) => (Command::Ping, to),
        What::Pause(to) => (Command::Pause, to),
        What::Resume(to) => (Command::Resume, to),
        What::Slots { slots, to } => (Command::Slots(slots), to),
        What::Drain(to) => (Command::Drain, to),
        What::Stop(to) => (Command::Stop, to),
        What::Log { filter, to } => (Command::Log(filter), to),
        What::Receipts(_) => return Ok(()),
    };
    send::send(&command, &to, &pool, console).await
}
