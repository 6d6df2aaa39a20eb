//! Operations: what an operator does after an outage.
//!
//! ```text
//! cargo run --example redrive
//! ```
//!
//! A relay is down, and jobs fail. When it is back they are published anew, at a pace, as new jobs whose key
//! for the relay is that of the first try. One of them has a wrong address, which is edited first. In the end
//! a rule says how long history keeps what was sent.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pgjobs::admin::{self, AuditFilter, Edit, Operation};
use pgjobs::inspect::{self, JobFilter};
use pgjobs::{Job, JobState, TaskError, Worker, sqlx, task};

static RELAY_IS_UP: AtomicBool = AtomicBool::new(false);

/// Sends a mail through a relay that may be down.
#[task(name = "redrive.send", retries = 1)]
async fn send(#[inject] job: &Job, address: String) -> Result<(), TaskError> {
    if !address.contains('@') {
        return Err(TaskError::fatal("no address"));
    } else if !RELAY_IS_UP.load(Ordering::Relaxed) {
        return Err(TaskError::new("relay timed out"));
    }
    // The relay sends a mail once for each key, however often it is asked.
    let is_first = job.idempotency_key() == job.id().as_str();
    println!("sent to {address}, with the key of the first try: {}", !is_first);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let wrong = send::publish(&pool, "ana".to_owned()).await?;
    for name in ["bea", "carl", "dora"] {
        send::publish(&pool, format!("{name}@example.org")).await?;
    }
    let worker = Worker::new(pool.clone()).topic("redrive.*").start().await?;
    wait_for(&pool, JobState::Failed, 4).await?;
    RELAY_IS_UP.store(true, Ordering::Relaxed);

    let timed_out =
        Operation::redrive("redrive.*".parse()?).error("timed out").rate(100.0).reason("the relay is back");
    let preview = timed_out.preview(&pool).await?;
    println!("{} jobs have timed out", preview.jobs);
    let operation = timed_out.start(&pool).await?; // the worker does its steps
    let mut now = operation;
    while now.state == "running" {
        tokio::time::sleep(Duration::from_millis(50)).await;
        now = admin::operation(&pool, now.id).await?;
    }
    println!("operation: {}, {} of {} jobs", now.state, now.done, now.matched);
    wait_for(&pool, JobState::Success, 3).await?;

    // The same job again, with another address.
    Edit::new(wrong.id())
        .call(&send::new("ana@example.org".to_owned()))
        .reason("no address")
        .save(&pool)
        .await?;
    let done = admin::redrive(&pool, &[wrong.id().clone()], Some("the address is right now")).await?;
    println!("re-driven: {}", done.iter().all(|job| job.new_job_id.is_some()));
    wait_for(&pool, JobState::Success, 4).await?;
    worker.shutdown().await;

    // What was sent is of no interest after a day; what failed stays as long as all of history.
    admin::keep(&pool, &"redrive.*".parse()?, Some(JobState::Success), 1).await?;
    for rule in admin::keep_rules(&pool).await?.iter().filter(|rule| rule.topic == "redrive.*") {
        println!("kept: {} for {} day", rule.status.as_deref().unwrap_or("all"), rule.days);
    }
    let filter = AuditFilter { num: 10, ..AuditFilter::default() };
    for row in admin::audit(&pool, &filter).await?.into_iter().rev() {
        println!("{}: {}", row.action, row.reason.unwrap_or_default());
    }
    Ok(())
}

async fn wait_for(pool: &sqlx::PgPool, state: JobState, jobs: usize) -> Result<(), Box<dyn Error>> {
    let topic = "redrive.*".parse()?;
    let filter = JobFilter { state: Some(state), topic: Some(topic), ..JobFilter::default() };
    while inspect::jobs(pool, &filter).await?.len() < jobs {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
