//! `latency`: how soon an idle worker starts a job.

use std::time::{Duration, Instant};

use super::bench_worker::BenchWorker;
use super::figures::Pickup;
use super::report::Outcome;
use super::stage::Stage;
use super::stages::{Stages, Times};
use super::tasks::{Errand, Manner};
use crate::Task;
use crate::cli::output::failure::Failure;

pub(crate) async fn run(stage: &Stage<'_>) -> Result<Outcome, Failure> {
    let mut worker = BenchWorker::start(stage.empty().await?, stage.plan.concurrency).await?;
    let (pick_up, stages) = sample(stage, &mut worker).await?;
    let jobs = u64::from(stage.plan.samples);
    worker.emptied(jobs, &stage.bar("waiting for the last job", jobs)).await?;
    worker.dismiss(jobs).await?;
    Ok(Outcome::Latency { pick_up, stages })
}

async fn sample(stage: &Stage<'_>, worker: &mut BenchWorker) -> Result<(Pickup, Option<Stages>), Failure> {
    let progress = stage.bar("measuring latency", stage.plan.samples);
    let mut connection = worker.pool.acquire().await?;
    let (mut samples, mut times) = (Vec::new(), Vec::new());
    for done in 1..=stage.plan.samples {
        // Long enough for the worker to go idle again, uneven so that its polls do not fall in step.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(10..30))).await;
        let asked = Instant::now();
        Errand::timed(Manner::Plain, worker.epoch).publish(&mut connection).await?;
        let published = Instant::now();
        let job = worker.pick_up().await?;
        samples.push(job.after);
        times.push(Times { asked, published, claim: job.claim, began: job.began });
        progress.at(u64::from(done));
    }
    Ok((Pickup::of(samples)?, stage.plan.stages.then(|| Stages::of(&times)).transpose()?))
}
