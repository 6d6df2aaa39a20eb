//! `bench`: measures this machine and this server.
//!
//! Every scenario runs in a database that the bench creates and drops, and in this one process: publishers
//! and worker share its processors with each other and, if the server is local, with the server.

mod bench_worker;
mod drain;
mod figures;
mod flow;
mod held;
mod latency;
mod mixed;
mod plan;
mod publish;
mod report;
mod scratch;
mod stage;
mod stages;
mod tasks;
mod text;

use clap::Args;

use crate::cli::args::global::Global;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use plan::{Plan, Scenario};
use report::{Outcome, Report};
use scratch::Scratch;
use stage::Stage;

const AFTER_HELP: &str = "\
On the server that DATABASE_URL names (its user must be allowed to create databases), else on a \
PostgreSQL of its own with the durability of a production server. A database `pgjobs_bench_…` is \
made for each scenario and dropped afterwards.

Compare figures of one machine and one run only: machines and disks differ widely.";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Bench {
    /// What to measure, in this order.
    #[arg(value_enum, value_name = "SCENARIO", default_values = ["drain", "publish", "latency"])]
    scenarios: Vec<Scenario>,
    /// Jobs to drain, and to publish in bulk.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    jobs: u32,
    /// How long `mixed` and each half of `held-snapshot` last.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// How many jobs the worker runs at once.
    #[arg(long, value_name = "C", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    concurrency: u16,
    /// Jobs that `publish` publishes one by one.
    #[arg(long, value_name = "N", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    singles: u32,
    /// Jobs that `latency` measures.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    latency_samples: u32,
    /// Adds to `latency` where its time goes, stage by stage.
    #[arg(long)]
    stages: bool,
}

impl Bench {
    fn plan(&self) -> Plan {
        Plan {
            jobs: self.jobs,
            singles: self.singles,
            samples: self.latency_samples,
            stages: self.stages,
            seconds: self.seconds,
            concurrency: self.concurrency,
        }
    }
}

pub(crate) async fn run(args: Bench, global: &Global, console: &Console) -> Result<(), Failure> {
    let plan = args.plan();
    let scratch = Scratch::find(global, console).await?;
    let stage = Stage { scratch: &scratch, plan: &plan, console };
    // Cancelling the work half-way is safe: its connections close, and its database is dropped below.
    let outcome = tokio::select! {
        outcome = Box::pin(measure(&stage, &args.scenarios)) => outcome,
        () = Interrupt::listen().first() => Err(Failure::failed("interrupted")),
    };
    let dropped = scratch.remove().await;
    let report = outcome?;
    dropped?;
    console.data(&report, || report.render())
}

async fn measure(stage: &Stage<'_>, scenarios: &[Scenario]) -> Result<Report, Failure> {
    let mut results = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        results.push(play(*scenario, stage).await?);
    }
    Ok(Report { settings: stage.scratch.settings(stage.plan).await?, results })
}

async fn play(scenario: Scenario, stage: &Stage<'_>) -> Result<Outcome, Failure> {
    match scenario {
        Scenario::Drain => drain::run(stage).await,
        Scenario::Publish => publish::run(stage).await,
        Scenario::Latency => latency::run(stage).await,
        Scenario::Mixed => mixed::run(stage).await,
        Scenario::HeldSnapshot => held::run(stage).await,
    }
}
