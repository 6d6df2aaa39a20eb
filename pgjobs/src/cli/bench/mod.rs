//! `bench`: what this machine and this server do.
//!
//! Everything happens in a database of its own, made for the purpose and dropped afterwards, and in
//! this one process: publisher and worker share its processors with each other and, if the server
//! is local, with the server.

mod phases;
mod report;
mod scratch;
mod tasks;

use clap::Args;

use super::console::Console;
use super::exit::Failure;
use super::interrupt::Interrupt;
use super::options::Global;
use phases::Plan;
use scratch::Scratch;

const AFTER_HELP: &str = "\
On the server that DATABASE_URL names (its user must be allowed to create databases), else on a
PostgreSQL of its own with the durability of a production server. A database `pgjobs_bench_…` is
made for it and dropped afterwards.

Phases:
  bulk publish    in statements of 5,000 jobs, a commit each
  drain           one worker, until the database holds no open job
  single publish  one by one on one connection, a commit each
  pick-up         an idle worker, from the publish call to the first line of the task

Compare figures of one machine and one run only: machines and disks differ widely.";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Bench {
    /// Jobs to publish in bulk and to drain.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    jobs: u32,
    /// How many jobs the worker runs at once.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    concurrency: u16,
    /// Jobs to publish one by one.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    singles: u32,
    /// Jobs to measure the pick-up with.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    latency_samples: u32,
}

pub(super) async fn run(asked: Bench, global: &Global, console: &Console) -> Result<(), Failure> {
    let plan = Plan {
        jobs: asked.jobs,
        concurrency: asked.concurrency,
        singles: asked.singles,
        samples: asked.latency_samples,
    };
    let scratch = Scratch::create(global, console).await?;
    // Cutting the work off is safe: its connections and its database end with it.
    let outcome = tokio::select! {
        outcome = measure(&scratch, &plan, console) => outcome,
        () = Interrupt::listen().first() => Err(Failure::failed("interrupted")),
    };
    let dropped = scratch.remove().await;
    let report = outcome?;
    dropped?;
    console.data(&report, || report.words())
}

async fn measure(scratch: &Scratch, plan: &Plan, console: &Console) -> Result<report::Report, Failure> {
    let pool = scratch.pool().await?;
    crate::migrate(&pool).await?;
    let settings = scratch.settings(&pool, plan.concurrency).await?;
    console.note(settings.words());
    let figures = phases::run(&pool, plan, console).await?;
    Ok(report::Report { settings, figures })
}
