//! Sends a command, and waits for the receipts.

use std::time::Duration;

use clap::{ArgGroup, Args};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::receipts::rows;
use crate::Topic;
use crate::cli::args::values;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::control::{self, Command, CommandRow, CommandState};

#[derive(Args)]
#[command(group = ArgGroup::new("whom").args(["worker", "topic", "all"]).required(true))]
pub(crate) struct To {
    /// This worker; may be given several times (`inspect workers` shows the ids).
    #[arg(long, value_name = "ID")]
    worker: Vec<Uuid>,
    /// Every worker that claims a task under this topic.
    #[arg(long)]
    topic: Option<Topic>,
    /// Every worker.
    #[arg(long)]
    all: bool,
    /// Why, for the audit and for whoever finds the worker so.
    #[arg(long)]
    reason: Option<String>,
    /// A worker that has not begun with it by then never does, at most 1d.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = values::duration)]
    expires: Duration,
    /// Wait for the receipts so many seconds (without a number until the command expires), and fail when
    /// one is not applied.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, value_parser = values::seconds)]
    wait: Option<Option<Duration>>,
}

impl To {
    fn whom(&self) -> control::To {
        match &self.topic {
            _ if !self.worker.is_empty() => control::To::workers(self.worker.iter().copied()),
            Some(topic) => control::To::topic(topic.as_str()),
            None => control::To::all(),
        }
    }
}

pub(super) async fn send(
    command: &Command,
    args: &To,
    pool: &PgPool,
    console: &Console,
) -> Result<(), Failure> {
    let to = args.whom();
    let sending = control::send(pool, &to, command).expires(args.expires);
    let sent = match &args.reason {
        Some(reason) => sending.reason(reason).await?,
        None => sending.await?,
    };
    if sent.is_empty() {
        return Err(Failure::failed("no living worker is meant: nothing was sent".to_owned()));
    }
    let limit =
        args.wait.map_or(Duration::ZERO, |limit| limit.unwrap_or(args.expires + Duration::from_secs(1)));
    let receipts = control::wait(pool, &sent, limit).await?;
    report(&receipts, args.wait.is_some(), console)
}

fn report(receipts: &[CommandRow], has_waited: bool, console: &Console) -> Result<(), Failure> {
    let document = json!({ "receipts": receipts });
    let missing = receipts.iter().filter(|receipt| receipt.state != CommandState::Applied).count();
    if missing == 0 || !has_waited && receipts.iter().all(|receipt| receipt.state == CommandState::Sent) {
        return console.data(&document, || rows(receipts));
    }
    let refused =
        receipts.iter().any(|receipt| receipt.state.has_ended() && receipt.state != CommandState::Applied);
    if !refused && !has_waited {
        return console.data(&document, || rows(receipts)); // some have answered already, and none otherwise
    }
    if !console.json {
        console.lines(rows(receipts))?;
    }
    let message = format!("{missing} of {} workers did not apply it", receipts.len());
    Err(Failure::failed(message).about(document))
}
