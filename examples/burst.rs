//! A worker that works off what is due and ends: for a cron line or a Kubernetes Job.
//!
//! ```text
//! cargo run --example burst
//! ```
//!
//! Several bursts may run at once and share the work. What is scheduled for later, or is to be
//! retried later, is left for the next one. The exit status tells the scheduler whether a job ended as
//! failed, its last run used up: on the command line `worker --burst --fail-on-failure` does the same.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use pgjobs::{Task, TaskError, Worker, admin, task};

/// Makes the report of one branch.
#[task]
async fn report(branch: String, #[default("pdf")] format: String) -> Result<String, TaskError> {
    Ok(format!("{branch}.{format}"))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;

    let branches = ["north", "south", "east", "west"];
    let due = pgjobs::publish_all(&pool, branches.map(|branch| report::new(branch.to_owned()))).await?;
    let tomorrow = Duration::from_secs(24 * 60 * 60);
    let later = report::new("head office".to_owned()).format("csv").publish(&pool).delay(tomorrow).await?;

    let ended = Worker::new(pool.clone()).burst().run().await?;

    for job in &due {
        println!("made {}", job.wait(&pool).await?);
    }
    println!("{} succeeded, {} failed, {} runs to be retried", ended.succeeded, ended.failed, ended.retried);
    println!("left for later: 1 job, {}", later.fetch(&pool).await?.state);

    admin::cancel(&pool, &[later.id().clone()]).await?; // leaves no work behind in your database
    Ok(if ended.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
