//! `publish`: how fast one connection publishes while no worker runs.

use std::time::Instant;

use sqlx::PgPool;

use super::figures::Rate;
use super::report::Outcome;
use super::stage::Stage;
use super::tasks::Noop;
use crate::Task;
use crate::cli::output::failure::Failure;

pub(crate) async fn run(stage: &Stage<'_>) -> Result<Outcome, Failure> {
    let pool = stage.empty().await?;
    let one_by_one = one_by_one(stage, &pool).await?;
    let started = Instant::now();
    stage.publish_in_bulk(&pool).await?;
    let in_bulk = Rate::new(stage.plan.jobs.into(), started.elapsed());
    pool.close().await;
    Ok(Outcome::Publish { one_by_one, in_bulk })
}

async fn one_by_one(stage: &Stage<'_>, pool: &PgPool) -> Result<Rate, Failure> {
    let jobs = u64::from(stage.plan.singles);
    let progress = stage.bar("publishing one by one", jobs);
    let mut connection = pool.acquire().await?;
    let started = Instant::now();
    for done in 1..=jobs {
        Noop {}.publish(&mut connection).await?;
        progress.at(done);
    }
    Ok(Rate::new(jobs, started.elapsed()))
}
