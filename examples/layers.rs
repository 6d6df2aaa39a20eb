//! Layers: code around every run of a worker, and before every publish of this program.
//!
//! ```text
//! cargo run --example layers
//! ```
//!
//! `Audit` is added first, so it is the outermost: it sees what `Patience` made of an error. The publish
//! layer refuses what nobody may publish today, before anything is sent to the database.

use std::error::Error;
use std::time::Duration;

use pgjobs::layers::{Layer, Next, RunResult};
use pgjobs::{Job, TaskError, Worker, task};

/// Charges a customer, at a bank that does not always answer.
#[task(retries = 1)]
async fn charge(customer: String) -> Result<String, TaskError> {
    match customer.as_str() {
        "bob" => Err(TaskError::new("the bank is busy")),
        "eve" => Err(TaskError::new("the account is closed")),
        _ => Ok(format!("charged {customer}")),
    }
}

/// Refunds a customer.
#[task]
async fn refund(customer: String) -> Result<String, TaskError> {
    Ok(format!("refunded {customer}"))
}

/// Prints how each run ended.
struct Audit;

impl Layer for Audit {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        let result = next.run().await;
        let ended = match &result {
            Ok(value) => format!("succeeded with {}", value.get()),
            Err(error) if error.is_snooze() => "runs again later".to_owned(),
            Err(error) => format!("failed: {error}"),
        };
        println!("attempt {} of {} {ended}", job.attempt(), job.task());
        result
    }
}

/// Runs a job later when the bank was busy; such a run does not count, though `retries = 1`.
struct Patience;

impl Layer for Patience {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        match next.run().await {
            Err(error) if error.message().contains("busy") => {
                Err(TaskError::snooze(Duration::from_secs(3600)))
            }
            result => result,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    pgjobs::on_publish(|job| {
        if job.task() == "layers.refund" {
            return Err("no refunds today".into());
        }
        job.set_priority(7); // they go before all else
        Ok(())
    });

    let (_database, pool) = pgjobs_examples::database().await?;
    let mut jobs = Vec::new();
    for customer in ["ana", "bob", "eve"] {
        jobs.push(charge::publish(&pool, customer.to_owned()).await?);
    }
    let refused = refund::publish(&pool, "ana".to_owned()).await.err();
    println!("{}", refused.map_or_else(String::new, |error| error.to_string()));

    Worker::new(pool.clone())
        .topic("layers.*")
        .concurrency(1)
        .layer(Audit)
        .layer(Patience)
        .burst()
        .run()
        .await?;

    for job in jobs {
        let row = job.fetch(&pool).await?;
        println!("{} with priority {} is {}", row.task, row.priority, row.state);
        pgjobs::admin::cancel(&pool, &[row.job_id]).await?; // leaves no work behind in your database
    }
    Ok(())
}
