//! `publish`: publishes a job by the name of its task, and waits for its result.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use sqlx::PgPool;

use crate::cli::args::global::{Global, program};
use crate::cli::args::values;
use crate::cli::commands::call::{CallArgs, Object};
use crate::cli::database::connect::connect;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::progress::Progress;
use crate::inspect::{self, TaskRow};
use crate::types::nearest::nearest;
use crate::{Error, JobHandle, JobId, JobState, NewJob, PublishOutcome, Unique, db};

const AFTER_HELP: &str = "\
A VALUE is read as JSON, and as plain text when it is none: 7 is a number, ana a text, '\"7\"' a text.

Examples:
  pgjobs publish mail.welcome --arg 7 --kwarg locale=pt
  pgjobs publish reports.build --kwargs '{\"month\": \"2030-01\"}' --delay 10m
  pgjobs publish app.add --args '[1, 2]' --wait --wait-timeout 30s
  pgjobs publish app.sync --arg 7 --unique '{\"key\": 7, \"until\": \"started\"}'

Prints the job's id, with --wait its result. Arguments are visible in `ps` while this runs.";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PublishArgs {
    /// The task's dotted name.
    task: String,
    #[command(flatten)]
    call: CallArgs,
    /// Do not run it before this delay has passed, such as 10m.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "at")]
    delay: Option<Duration>,
    /// Do not run it before this time, such as 2030-01-31T09:00:00Z.
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    at: Option<DateTime<Utc>>,
    /// Publish it only when no other job holds its unique key; else print the id of that job. An object as in
    /// SQL says what is unique: name, key or arguments, until, on_conflict, wait, max_wait. Without one: what
    /// the task declares, or all arguments.
    #[arg(long, value_name = "JSON-OBJECT", num_args = 0..=1, default_missing_value = "{}", value_parser = values::object)]
    unique: Option<Object>,
    /// Wait for the job's end and print its result.
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this; the job goes on regardless [default: 1m if no live worker has the task, or
    /// that is not known].
    #[arg(long, value_name = "DURATION", value_parser = values::duration, requires = "wait")]
    wait_timeout: Option<Duration>,
}

pub(crate) async fn run(args: PublishArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let (waits, asked_limit, task) = (args.wait, args.wait_timeout, args.task.clone());
    let call = call(args)?;
    let pool = connect(global, console).await?;
    let published = call.publish(&pool).await?;
    let outcome = published.outcome();
    let job = JobHandle::<Box<RawValue>>::new(published.id().clone());
    if outcome == Some(PublishOutcome::Existing) {
        console.note("not published: another job holds its unique key".to_owned());
    }
    let warning = warning(&pool, &task, waits).await;
    if let Ok(Some(warning)) = &warning {
        console.note(format!("warning: {warning}"));
    }
    if !waits {
        let document = Published { job_id: job.id(), outcome };
        return console.data(&document, || job.id().to_string());
    }
    if outcome != Some(PublishOutcome::Existing) {
        console.note(format!("published {}", job.id()));
    }
    let is_expected = matches!(warning, Ok(None)); // a live worker has the task
    let limit = asked_limit.or_else(|| (!is_expected).then_some(PATIENCE));
    if let (Some(limit), None) = (limit, asked_limit) {
        console.note(format!("waiting {} s for a worker (--wait-timeout says otherwise)", limit.as_secs()));
    }
    wait(&pool, &job, limit, console).await
}

#[derive(Serialize)]
struct Published<'a> {
    job_id: &'a JobId,
    /// Only of a call with `--unique`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<PublishOutcome>,
}

fn call(args: PublishArgs) -> Result<NewJob, Failure> {
    let mut call = args.call.job(args.task)?;
    if let Some(unique) = args.unique {
        call = call.unique(Unique::from_json(unique.into_iter().collect()));
    }
    Ok(match (args.delay, args.at) {
        (Some(delay), _) => call.delay(delay),
        (None, Some(at)) => call.scheduled_at(at),
        (None, None) => call,
    })
}

/// The default wait when no live worker has the task, or that is not known: a typo in its name must not wait
/// forever.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tasks that workers declared.
struct Declared {
    /// Each name of each task, and the number of live workers that have it.
    names: Vec<(String, i64)>,
    /// Whether these are all tasks, or only those that the caller may consume.
    is_all: bool,
}

impl Declared {
    /// Operators see all tasks, a worker's role sees its own, and a role that may only publish sees none.
    async fn ask(pool: &PgPool) -> Result<Self, Error> {
        match inspect::signatures(pool).await {
            Ok(rows) => {
                let rows = rows.into_iter().filter(|row| row.declared);
                Ok(Declared { names: rows.flat_map(names).collect(), is_all: true })
            }
            Err(_) => {
                let names = db::deploy::declared(&mut *pool.acquire().await?).await?;
                Ok(Declared { names, is_all: false })
            }
        }
    }
}

fn names(row: TaskRow) -> impl Iterator<Item = (String, i64)> {
    let workers = row.workers;
    row.aliases.into_iter().chain([row.name]).map(move |name| (name, workers))
}

/// The warning, if no worker declared the task or, for a caller that waits, no live worker has it. Fails when
/// the database cannot be asked.
pub(super) async fn warning(pool: &PgPool, task: &str, waits: bool) -> Result<Option<String>, Error> {
    let declared = Declared::ask(pool).await?;
    Ok(match declared.names.iter().find(|(name, _)| name == task) {
        Some((_, workers)) if *workers > 0 || !waits => None,
        Some(_) => Some(format!("no live worker has task `{task}`; the job waits for one")),
        None => Some(unknown(task, &declared)),
    })
}

fn unknown(task: &str, declared: &Declared) -> String {
    let scope = if declared.is_all { "" } else { ", as far as this database user may see" };
    let known = declared.names.iter().map(|(name, _)| name.as_str());
    let meant = nearest(task, known).map(|near| format!("; did you mean `{near}`? The"));
    let remedy = format!("job waits until one does (`{} inspect tasks` lists them)", program());
    format!(
        "no worker ever declared task `{task}`{scope}{} {remedy}",
        meant.unwrap_or_else(|| "; the".to_owned())
    )
}

async fn wait(
    pool: &PgPool,
    job: &JobHandle<Box<RawValue>>,
    limit: Option<Duration>,
    console: &Console,
) -> Result<(), Failure> {
    let progress = Progress::spinner(console, "waiting for the result");
    let outcome = match limit {
        Some(limit) => job.wait_for(pool, limit).await,
        None => job.wait(pool).await,
    };
    drop(progress);
    match outcome {
        Ok(result) => {
            let document = Waited { job_id: job.id(), state: JobState::Success, result: &result };
            console.data(&document, || result.get().to_owned())
        }
        Err(error) => Err(ended_badly(job, error)),
    }
}

/// The result as the database writes it, so that no number loses a digit.
#[derive(Serialize)]
struct Waited<'a> {
    job_id: &'a JobId,
    state: JobState,
    result: &'a RawValue,
}

fn ended_badly(job: &JobHandle<Box<RawValue>>, error: Error) -> Failure {
    let about = match &error {
        Error::JobFailed { state, .. } => json!({ "job_id": job.id(), "state": state }),
        _ => json!({ "job_id": job.id() }),
    };
    Failure::from(error).about(about)
}
