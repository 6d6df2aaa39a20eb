//! `worker`: runs the tasks of this binary.

mod ended;
mod watch;

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cli::args::global::{Global, LogFormat, program};
#[cfg(feature = "web")]
use crate::cli::args::read_from::ReadFrom;
use crate::cli::args::values;
use crate::cli::commands::banner;
#[cfg(feature = "web")]
use crate::cli::commands::serving::{self, Serving};
use crate::cli::database::connect;
use crate::cli::database::places::{self, Opened, Place};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table;
use crate::cli::setup::Setup;
use crate::{Topic, Worker, WorkerReport};
pub(crate) use ended::failure;
use ended::judge;
use watch::Watch;

const AFTER_HELP: &str = "\
A worker runs the tasks that are compiled into its program, so it is a program of yours:

  // main.rs
  use pgjobs::{TaskError, task};
  pgjobs::link!(my_tasks);            // only if your tasks live in another crate

  #[task]
  async fn add(a: i64, b: i64) -> Result<i64, TaskError> { Ok(a + b) }

  fn main() -> std::process::ExitCode { pgjobs::cli::main() }

Examples:
  app worker --topic 'app.mail.*' --concurrency 32
  app worker --burst                  # work off what is due, then end
  app worker --burst --fail-on-failure || notify

The first SIGINT or SIGTERM stops claiming and lets running jobs finish; a second one ends at once.

The exit code is 0 also when jobs failed: they are retried, or wait in `inspect jobs --state failed`. \
With --burst --fail-on-failure it is 1 when a job ended as failed, for a Job of Kubernetes, or cron: by what its task \
said, or with a worker that died on its last run, which this one found out or another did meanwhile.
It is 1 in any case when the worker broke (a part of it panicked), when the database could not be told how runs ended \
(it was away; their jobs run again when the worker's lease ends), or when a burst cannot know that nothing is left: a \
claim of its own was still under way on the server, or one of several servers could not be reached.

The log on stderr shows what the tasks log themselves (`tracing`, from `info` on); --log json writes it \
for programs.";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WorkerArgs {
    /// Only tasks under this topic, such as 'mail.*'; may be given several times.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<Topic>,
    /// How many jobs run at once [default: as the program sets it, else 16].
    #[arg(long, value_name = "N")]
    concurrency: Option<usize>,
    /// Connections in the pool that the tasks use, beside those of the worker itself: give it --concurrency
    /// times what one task holds at once [default: --concurrency or 16, at least 4 and at most 50].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pool_size: Option<u32>,
    /// Exit once nothing is due.
    #[arg(long)]
    burst: bool,
    /// With --burst: end with exit code 1 when a job ended as failed: its last run used up, by the task's
    /// word, or with a worker that died.
    #[arg(long, requires = "burst")]
    fail_on_failure: bool,
    /// After this long without a heartbeat its jobs run elsewhere [default: 15s].
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    lease: Option<Duration>,
    /// How long running jobs may go on after it was asked to stop [default: 30s].
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    grace: Option<Duration>,
    /// The longest pause between two polls for jobs [default: 1s].
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    poll: Option<Duration>,
    /// Poll only: for poolers that do not pass notifications on.
    #[arg(long)]
    no_listen: bool,
    /// Bring schema `jobs` up to date first, of several servers on those that answer.
    #[arg(long)]
    auto_migrate: bool,
    #[cfg(feature = "web")]
    #[command(flatten)]
    serving: Serving,
    #[cfg(feature = "web")]
    #[command(flatten)]
    read_from: ReadFrom,
}

pub(crate) async fn run(
    #[cfg_attr(not(feature = "web"), expect(unused_mut))] mut args: WorkerArgs,
    setup: Setup,
    global: &Global,
    console: &Console,
) -> Result<(), Failure> {
    let places = places::chosen(global, console).await?;
    let opened =
        places::open(places, args.pool_size.unwrap_or_else(|| connections(args.concurrency))).await?;
    if args.auto_migrate {
        migrate(&opened, console).await?;
    }
    let worker = on(&opened)?;
    let left_out: Vec<&str> =
        opened.iter().filter(|one| !one.is_there).filter_map(|one| one.place.name.as_deref()).collect();
    let fails = args.fail_on_failure;
    // A log of documents says the same in the document with which it begins.
    let for_people = console.hushed(global.log == LogFormat::Json);
    #[cfg(feature = "web")]
    let standby = args.serving.standby(&args.read_from, global, &opened).await?;
    #[cfg(feature = "web")]
    let served = std::mem::take(&mut args.serving)
        .begin(opened.iter().map(|one| one.place.clone()).collect(), standby, &for_people)
        .await?;
    let worker = configure(setup.apply(worker), args);
    worker.check()?;
    banner::announce(&worker, &opened, &for_people).await?;
    let watch = if fails { Some(Watch::new(&opened, &worker).await?) } else { None };
    #[cfg(feature = "web")]
    let report = serving::run(worker, served).await?;
    #[cfg(not(feature = "web"))]
    let report = worker.run().await?;
    let ended = match watch {
        Some(watch) => judge(&report, watch.lost().await, &left_out),
        None => failure(&report, 0, &left_out),
    };
    match ended {
        Some(failure) if console.json => Err(failure.about(json!(report))),
        Some(failure) => console.lines(summary(&report)).and(Err(failure)),
        None => console.data(&report, || summary(&report)),
    }
}

/// A worker over these databases, each with the hosts at which its primary may be found.
pub(crate) fn on(opened: &[Opened]) -> Result<Worker, Failure> {
    let mut worker = None;
    for Opened { place: Place { name, target }, pool, .. } in opened {
        let server = match (worker, name) {
            (None, None) => Worker::new(pool.clone()),
            (None, Some(name)) => Worker::new(pool.clone()).server_name(name),
            (Some(worker), name) => Worker::server(worker, name.as_deref().unwrap_or_default(), pool.clone()),
        };
        worker = Some(target.others.iter().map(connect::quiet).fold(server, Worker::fallback));
    }
    worker.ok_or_else(|| Failure::usage("no database is named"))
}

/// Brings the schema up to date on all that are there.
async fn migrate(opened: &[Opened], console: &Console) -> Result<(), Failure> {
    for one in opened {
        if !one.is_there {
            let name = one.place.name.as_deref().unwrap_or_default();
            tracing::warn!(
                "server {name} is not migrated: run `{} migrate --on {name}` when it answers",
                program()
            );
            continue;
        }
        let applied = crate::migrate(&one.pool).await?.len();
        let place = one.place.name.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
        console.note(format!("{applied} migrations applied{place}"));
    }
    Ok(())
}

/// The default size of the tasks' pool; the worker opens connections for itself beside the pool.
fn connections(concurrency: Option<usize>) -> u32 {
    u32::try_from(concurrency.unwrap_or(16)).unwrap_or(u32::MAX).clamp(4, 50)
}

fn configure(mut worker: Worker, args: WorkerArgs) -> Worker {
    for topic in args.topic {
        worker = worker.topic(topic.as_str());
    }
    if let Some(concurrency) = args.concurrency {
        worker = worker.concurrency(concurrency);
    }
    if let Some(lease) = args.lease {
        worker = worker.lease(lease);
    }
    if let Some(grace) = args.grace {
        worker = worker.grace(grace);
    }
    if let Some(poll) = args.poll {
        worker = worker.poll(poll);
    }
    if args.no_listen {
        worker = worker.listen(false);
    }
    if args.burst { worker.burst() } else { worker }
}

pub(crate) fn summary(report: &WorkerReport) -> Vec<String> {
    let rows = [
        ("succeeded", report.succeeded, "runs with a result"),
        ("retried", report.retried, "failed runs that count as attempts; their jobs run again"),
        ("failed", report.failed, "runs that failed, and their jobs with them"),
        ("snoozed", report.snoozed, "runs that asked to be run again later"),
        ("released", report.released, "jobs released unfinished; their runs do not count as attempts"),
        ("lost", report.lost, "runs that no longer counted: cancelled, or given to another"),
        (
            "unsettled",
            report.unsettled,
            "runs that ended, of which the database could not be told; their jobs run again",
        ),
    ];
    let shown = rows.iter().filter(|(name, number, _)| *number > 0 || *name == "succeeded");
    table(
        ["Runs", ">", ""],
        shown.map(|(name, number, what)| [(*name).to_owned(), format::count(*number), (*what).to_owned()]),
    )
}
