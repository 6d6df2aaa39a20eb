//! `drain`: how fast one worker empties a full queue.

use std::time::Instant;

use super::crew::Crew;
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
    let crew = Crew::start(pool, stage.plan.concurrency).await?;
    crew.emptied(jobs, &progress).await?;
    let rate = Rate::new(jobs, started.elapsed());
    crew.dismiss(jobs).await?;
    Ok(Outcome::Drain(rate))
}
