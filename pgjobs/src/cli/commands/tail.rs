//! `tail`: what happens to jobs, a line each, as it happens.

use std::pin::pin;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use futures_util::StreamExt;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::args::global::{Global, program};
use crate::cli::args::values;
use crate::cli::database::connect::connect;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::lines::{Line, Style};
use crate::events::{self, Event, EventKind, Update};
use crate::{JobId, Topic};

const AFTER_HELP: &str = "\
It goes on until Ctrl-C. Events are written for topics that are watched (`watch add`), and for tasks whose code says \
so. They hold no arguments, results or texts of errors.

With --json each line is a document: {\"event\": {…}}, or {\"resync\": {…}} where events may be missing. Its \
`position` goes on from there with --after.

Examples:
  pgjobs tail
  pgjobs tail --topic 'mail.*' --kind failed --kind retried
  pgjobs tail --json | jq -r 'select(.event.kind == \"failed\") | .event.job_id'";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Tail {
    /// Only tasks under this topic, such as 'mail.*'; may be given several times.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<Topic>,
    /// Only this task; may be given several times.
    #[arg(long, value_name = "NAME")]
    task: Vec<Topic>,
    /// Only this kind of event; may be given several times.
    #[arg(long = "kind", value_name = "KIND", value_parser = kind())]
    kinds: Vec<EventKind>,
    /// Only this job.
    #[arg(long, value_name = "ID", value_parser = values::any_id)]
    job: Option<JobId>,
    /// Begin after this position, which --json prints with each event, and not now.
    #[arg(long, value_name = "POSITION")]
    after: Option<String>,
}

fn kind() -> impl TypedValueParser<Value = EventKind> {
    PossibleValuesParser::new(EventKind::ALL.map(EventKind::as_str)).try_map(|name| name.parse::<EventKind>())
}

pub(crate) async fn run(args: Tail, global: &Global, console: &Console) -> Result<(), Failure> {
    let mut interrupt = pin!(Interrupt::listen().first());
    let pool = connect(global, console).await?;
    let mut subscription = events::events(&pool).kinds(args.kinds);
    for topic in args.topic.iter().chain(&args.task) {
        subscription = subscription.topic(topic.as_str())?;
    }
    if let Some(job) = args.job {
        subscription = subscription.job(job);
    }
    let mut updates = match args.after {
        Some(position) => subscription.after(position).stream(),
        None => subscription.stream(),
    };
    say_if_unwatched(&pool, console).await;
    loop {
        let update = tokio::select! {
            update = updates.next() => update,
            () = &mut interrupt => return Ok(()),
        };
        match update.transpose().map_err(Failure::refused)? {
            Some(update) => print(&update, console)?,
            None => return Err(Failure::failed("the connection to the events has ended")),
        }
        if console.is_unread() {
            return Ok(());
        }
    }
}

/// A person who sees nothing wants to know why. Who may not read what is watched is told nothing.
async fn say_if_unwatched(pool: &PgPool, console: &Console) {
    if events::watches(pool).await.is_ok_and(|watches| watches.is_empty()) {
        console.note(format!("no topic is watched, so nothing will come: `{} watch add '*'`", program()));
    }
}

fn print(update: &Update, console: &Console) -> Result<(), Failure> {
    match update {
        Update::Event(event) => console.data(&json!({ "event": event }), || vec![line(event)]),
        Update::Resync(resync) => console.data(&json!({ "resync": resync }), || {
            let reason = resync.reason.as_str();
            vec![
                Line::painted(Style::Warning, "resync").plain(&format!(" events are missing here: {reason}")),
            ]
        }),
    }
}

/// `14:03:07.123 retried   mail.welcome 0199d1f2… attempt 2 timeout`
fn line(event: &Event) -> Line {
    let Event { at, kind, task, job_id, attempt, .. } = event;
    let begin = Line::from(format!("{} ", at.format("%H:%M:%S%.3f")));
    let attempt = if *attempt > 0 { format!(" attempt {attempt}") } else { String::new() };
    let error = event.error.as_ref().map(|error| format!(" {error}")).unwrap_or_default();
    let purged = if event.is_purged { " (purged)" } else { "" };
    let state = event.state.as_ref().map(|state| format!(" {state}")).unwrap_or_default();
    let rest = format!(" {task} {job_id}{attempt}{error}{purged}{state}{}", progress(event));
    begin.paint(style(*kind), &format!("{kind:<9}")).plain(&rest)
}

/// ` 3 of 10 (30 %) third page`
fn progress(event: &Event) -> String {
    let Some(done) = event.done else { return String::new() };
    let total = event.total.map(|total| format!(" of {total}")).unwrap_or_default();
    let part = event.fraction().map(|part| format!(" ({:.0} %)", part * 100.0)).unwrap_or_default();
    let note = event.note.as_ref().map(|note| format!(" {note}")).unwrap_or_default();
    format!(" {done}{total}{part}{note}")
}

fn style(kind: EventKind) -> Style {
    match kind {
        EventKind::Completed => Style::Green,
        EventKind::Failed => Style::Red,
        EventKind::Retried | EventKind::Snoozed | EventKind::Cancelled => Style::Yellow,
        EventKind::Queued | EventKind::Picked | EventKind::Progress | EventKind::WorkflowEnded => Style::Cyan,
    }
}
