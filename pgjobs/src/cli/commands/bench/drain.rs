//! `drain`: how fast one worker empties a full queue.

use std::time::Instant;

use super::bench_worker::BenchWorker;
use super::figures::Rate;
use super::report::Outcome;
use super::stage::Stage;
use crate::cli::output::failure::Failure;

pub(crate) async fn run(stage: &Stage<'_>) -> Result<Outcome, Failure> {
    let pool = stage.empty().await?;
    stage.publish_in_bulk(&pool).await?;
    let jobs = u64::from(stage.plan.jobs);
    let progress = stage.bar("draining", jobs);
    let started = Instant::now();
    let worker = BenchWorker::start(pool, stage.plan.concurrency).await?;
    worker.emptied(jobs, &progress).await?;
    let rate = Rate::new(jobs, started.elapsed());
    worker.dismiss(jobs).await?;
    Ok(Outcome::Drain(rate))
}
