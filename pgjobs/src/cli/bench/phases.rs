//! What is measured, in order.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use sqlx::PgPool;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::report::{Figures, Pickup, Rate};
use super::tasks::{NOOP, Noop, PING, Ping, Probe, Start, TOPIC};
use crate::cli::console::Console;
use crate::cli::exit::Failure;
use crate::cli::progress::Progress;
use crate::cli::words;
use crate::{JobState, Task, Topic, Worker, WorkerHandle, inspect};

/// How much of everything.
pub(super) struct Plan {
    pub(super) jobs: u32,
    pub(super) concurrency: u16,
    pub(super) singles: u32,
    pub(super) samples: u32,
}

/// Jobs in one statement and one commit.
const CHUNK: u32 = 5000;
const GLANCE: Duration = Duration::from_millis(5);
/// A worker that has not started an only job by then never will.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(pool: &PgPool, plan: &Plan, console: &Console) -> Result<Figures, Failure> {
    let bulk_publish = publish_bulk(pool, plan.jobs, console).await?;
    let drain = drain(pool, plan, console).await?;
    let single_publish = publish_singly(pool, plan.singles, console).await?;
    let pick_up = pick_up(pool, plan, console).await?;
    Ok(Figures { bulk_publish, drain, single_publish, pick_up })
}

async fn publish_bulk(pool: &PgPool, jobs: u32, console: &Console) -> Result<Rate, Failure> {
    let progress = Progress::bar(console, "publishing in bulk", u64::from(jobs));
    let started = Instant::now();
    let mut done = 0;
    while done < jobs {
        let chunk = CHUNK.min(jobs - done);
        crate::publish_all(pool, (0..chunk).map(|_| Noop {})).await?;
        done += chunk;
        progress.at(u64::from(done));
    }
    Ok(Rate::new(jobs, started.elapsed()))
}

async fn drain(pool: &PgPool, plan: &Plan, console: &Console) -> Result<Rate, Failure> {
    let progress = Progress::bar(console, "draining", u64::from(plan.jobs));
    let started = Instant::now();
    let (worker, _starts) = start(pool, plan.concurrency).await?;
    emptied(pool, &worker, u64::from(plan.jobs), &progress).await?;
    let rate = Rate::new(plan.jobs, started.elapsed());
    worker.shutdown().await;
    all_succeeded(pool, plan.jobs).await?;
    Ok(rate)
}

/// A figure counts only if every job is found in the history; the database counts to a million.
async fn all_succeeded(pool: &PgPool, jobs: u32) -> Result<(), Failure> {
    let ended = inspect::count(pool, JobState::Success, &TOPIC.parse()?).await?;
    if ended < i64::from(jobs).min(1_000_000) {
        return Err(Failure::failed(format!(
            "of {jobs} jobs only {ended} ended as a success: the figure is void"
        )));
    }
    Ok(())
}

/// Waits until the worker has run so many jobs and the database has no open one.
async fn emptied(
    pool: &PgPool,
    worker: &WorkerHandle,
    jobs: u64,
    progress: &Progress,
) -> Result<(), Failure> {
    let (mut seen, mut last) = (0, Instant::now());
    loop {
        let report = worker.report();
        progress.at(report.succeeded);
        if report.succeeded >= jobs && open(pool).await? == 0 {
            return Ok(());
        }
        if report.succeeded > seen {
            (seen, last) = (report.succeeded, Instant::now());
        } else if last.elapsed() > PATIENCE {
            return Err(stalled());
        }
        tokio::time::sleep(GLANCE).await;
    }
}

async fn open(pool: &PgPool) -> Result<i64, Failure> {
    let every: Topic = TOPIC.parse()?;
    let pending = inspect::count(pool, JobState::Pending, &every).await?;
    Ok(pending + inspect::count(pool, JobState::Running, &every).await?)
}

async fn publish_singly(pool: &PgPool, jobs: u32, console: &Console) -> Result<Rate, Failure> {
    let progress = Progress::bar(console, "publishing one by one", u64::from(jobs));
    let mut connection = pool.acquire().await?;
    let started = Instant::now();
    for done in 1..=jobs {
        Noop {}.publish(&mut connection).await?;
        progress.at(u64::from(done));
    }
    Ok(Rate::new(jobs, started.elapsed()))
}

async fn pick_up(pool: &PgPool, plan: &Plan, console: &Console) -> Result<Pickup, Failure> {
    let (worker, mut starts) = start(pool, plan.concurrency).await?;
    let progress = Progress::bar(console, "emptying the queue", u64::from(plan.singles));
    emptied(pool, &worker, u64::from(plan.singles), &progress).await?;
    drop(progress);
    let progress = Progress::bar(console, "measuring pick-up", u64::from(plan.samples));
    let mut histogram = histogram()?;
    for done in 1..=plan.samples {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(10..30))).await;
        let latency = sample(pool, &mut starts).await?;
        histogram.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        progress.at(u64::from(done));
    }
    worker.shutdown().await;
    Ok(Pickup::new(&histogram))
}

/// Microseconds up to a minute, with three digits. Its bounds are fixed: one that grows does not do
/// so for `saturating_record`.
fn histogram() -> Result<Histogram<u64>, Failure> {
    let histogram = Histogram::new_with_bounds(1, 60_000_000, 3);
    histogram.map_err(|error| Failure::failed(format!("the histogram cannot be made: {error}")))
}

/// From the publish call to the task's first line, so that the way to the server is part of it.
async fn sample(pool: &PgPool, starts: &mut UnboundedReceiver<Start>) -> Result<Duration, Failure> {
    let published = Instant::now();
    let job = Ping {}.publish(pool).await?;
    loop {
        match tokio::time::timeout(PATIENCE, starts.recv()).await {
            Ok(Some((id, started))) if id == *job.id() => {
                return Ok(started.saturating_duration_since(published));
            }
            Ok(Some(_)) => {} // an earlier job once more: jobs start at least once
            _ => return Err(stalled()),
        }
    }
}

async fn start(pool: &PgPool, concurrency: u16) -> Result<(WorkerHandle, UnboundedReceiver<Start>), Failure> {
    let (probe, starts) = mpsc::unbounded_channel();
    // The topic leaves out whatever else is linked into the program.
    let worker = Worker::new(pool.clone()).topic(TOPIC).task(&NOOP).task(&PING).state(Probe(probe));
    Ok((worker.concurrency(usize::from(concurrency)).start().await?, starts))
}

fn stalled() -> Failure {
    let patience = words::span(i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX));
    Failure::failed(format!("the worker did nothing for {patience}; run with -v for its log"))
}
