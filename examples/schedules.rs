//! Schedules: of the code, and of customers.
//!
//! ```text
//! cargo run --example schedules
//! ```
//!
//! A task says itself that it runs every second. Each customer has a report at a time of their own: a row,
//! made when the customer asks for it. The program previews, runs, pauses and explains it.

use std::error::Error;
use std::time::Duration;

use pgjobs::schedule::{self, CatchUp, Overlap, Schedule};
use pgjobs::{Job, TaskError, Worker, sqlx, task};

/// Looks for new orders.
#[task(name = "schedules.poll", every = "1s", overlap = "skip", catch_up = "skip")]
async fn poll(#[inject] job: &Job) -> Result<(), TaskError> {
    let tick = job.tick().ok_or_else(|| TaskError::fatal("published by hand"))?;
    println!("looked for new orders, at a full second: {}", tick.at.timestamp_subsec_nanos() == 0);
    Ok(())
}

/// A customer's report.
#[task(name = "schedules.report")]
async fn report(customer: u32) {
    println!("report of customer {customer}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;

    // In the transaction in which the customer's wish is stored.
    let mut tx = pool.begin().await?;
    let saved = Schedule::new("schedules.report.of.7", &report::new(7))
        .cron("0 7 * * mon-fri")
        .zone("Europe/Berlin")
        .catch_up(CatchUp::Last)
        .overlap(Overlap::Skip)
        .save(&mut *tx)
        .await?;
    tx.commit().await?;
    println!("{} is due {} in {}", saved.name, saved.cron.unwrap_or_default(), saved.zone);
    let ticks = schedule::next_ticks(&pool, &saved.name, 5).await?;
    println!("the next {} times are working days", ticks.len());

    schedule::pause(&pool, &saved.name, Some("they are on holiday")).await?;
    let why = schedule::explain(&pool, &saved.name).await?;
    println!("it publishes nothing: {}", why.first().map_or("", |reason| reason.code.as_str()));
    let job = schedule::run(&pool, &saved.name).await?; // a person may run it all the same

    // The worker saves the schedule of `poll`, ticks, and runs what is published.
    let worker = Worker::new(pool.clone()).topic("schedules.*").start().await?;
    let ran =
        "select (select count(*) from jobs.\"all\" where task = 'schedules.poll' and status = 'success') >= 2
        and (select status from jobs.\"all\" where job_id = $1) = 'success'";
    while !sqlx::query_scalar::<_, bool>(ran).bind(job.as_str()).fetch_one(&pool).await? {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.shutdown().await;

    for entry in schedule::log(&pool, &saved.name, 3).await?.into_iter().rev() {
        println!(
            "{}: {}",
            entry.outcome,
            entry.reason.unwrap_or_default().split(": ").last().unwrap_or_default()
        );
    }
    schedule::drop(&pool, &saved.name).await?;
    schedule::drop(&pool, "schedules.poll").await?;
    Ok(())
}
