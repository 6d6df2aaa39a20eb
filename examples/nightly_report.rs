//! A schedule starts a workflow: each night every shop is summed up, and one report is made of all sums.
//!
//! ```text
//! cargo run --example nightly_report
//! ```
//!
//! The scheduled task publishes the workflow in the transaction that ends its own job, so each night has one
//! report, whatever happens to the worker in between. Here it is run at once instead of waiting for the night.

use std::error::Error;

use pgjobs::workflow::{WorkflowHandle, chord};
use pgjobs::{Job, TaskError, Worker, schedule, task};
use sqlx::PgPool;

/// What a shop has sold.
#[task(name = "nightly.shop", retries = 5)]
async fn shop(id: i64) -> Result<i64, TaskError> {
    Ok(id * 1000)
}

/// The report on all shops.
#[task(name = "nightly.report")]
async fn report(sums: Vec<i64>, night: String) -> Result<String, TaskError> {
    Ok(format!("{night}: {} shops sold for {}", sums.len(), sums.iter().sum::<i64>()))
}

/// Begins the report of a night.
#[task(name = "nightly.start", cron = "0 3 * * *", zone = "Europe/Berlin")]
async fn start(#[inject] job: &Job, #[inject] pool: &PgPool) -> Result<i64, TaskError> {
    let night = job.tick().map_or_else(|| "tonight".to_owned(), |tick| tick.at.date_naive().to_string());
    let mut tx = pool.begin().await?;
    let run =
        chord((1..=4).map(shop::new), report::after(night)).named("nightly report").publish(&mut *tx).await?;
    job.finish(&mut tx, &run.id()).await?;
    tx.commit().await?;
    Ok(run.id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let worker = Worker::new(pool.clone()).topic("nightly.*").start().await?; // saves the schedule
    let known = schedule::list(&pool, "nightly.*").await?;
    let name = known.first().map(|schedule| schedule.name.clone()).ok_or("no schedule")?;
    println!("{name} is due at {}", known[0].cron.as_deref().unwrap_or_default());

    let job = schedule::run(&pool, &name).await?; // as if it were night
    let workflow: i64 = pgjobs::JobHandle::new(job).wait(&pool).await?;
    println!("{}", WorkflowHandle::<String>::new(workflow).wait(&pool).await?);
    worker.shutdown().await;
    Ok(())
}
