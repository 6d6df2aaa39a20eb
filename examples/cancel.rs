//! Cancel reaches the code of a run, and workers are controlled while they run.
//!
//! ```text
//! cargo run --example cancel
//! ```
//!
//! Three uploads run. One is cancelled and cleans up, because it waits for the cancel as well. One is
//! cancelled and takes no notice: it is cut off after its grace. The third goes on; the worker is told to
//! drain, and ends when that one has ended. Each command ends in a receipt, which says what was done.

use std::error::Error;
use std::time::Duration;

use pgjobs::control::{self, Command, To};
use pgjobs::{Job, Worker, admin, sqlx, task};

/// Uploads in small pieces, and removes what is there of it when it is cancelled.
#[task(timeout = "1h")]
async fn upload(#[inject] job: &Job, file: String, pieces: u32) {
    for piece in 1..=pieces {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
            () = job.cancelled() => {
                println!("{file}: cancelled after {} of {pieces} pieces, and removed", piece - 1);
                return;
            }
        }
    }
    println!("{file}: uploaded");
}

/// Does not look whether it is cancelled.
#[task(timeout = "1h")]
async fn archive(file: String) {
    println!("{file}: archiving");
    std::future::pending::<()>().await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let polite = upload::publish(&pool, "letters.zip".to_owned(), 1000).await?;
    let deaf = archive::publish(&pool, "photos.zip".to_owned()).await?;
    let short = upload::publish(&pool, "notes.txt".to_owned(), 15).await?;
    let worker = Worker::new(pool.clone()).topic("cancel.*").start().await?;
    running(&pool, 3).await?;

    polite.cancel(&pool, "the customer took it back").await?;
    println!("letters.zip: {}", polite.wait(&pool).await.unwrap_err());
    admin::cancel(&pool, &[deaf.id().clone()]).grace(Duration::from_millis(500)).reason("disk full").await?;
    let drain = control::send(&pool, &To::topic("cancel.*"), &Command::Drain).reason("a new version").await?;
    control::wait(&pool, &drain, Duration::from_secs(10)).await?;
    short.wait(&pool).await?;
    let report = worker.wait().await;
    println!("the worker has ended: {} succeeded, {} lost", report.succeeded, report.lost);
    for receipt in control::receipts(&pool, None, 3).await?.iter().rev() {
        let answer = receipt.answer.as_deref().unwrap_or_default();
        println!(
            "{} {}: {answer} ({})",
            receipt.kind,
            receipt.state,
            receipt.reason.as_deref().unwrap_or("-")
        );
    }
    Ok(())
}

/// Waits until so many jobs of this example run.
async fn running(pool: &sqlx::PgPool, jobs: i64) -> Result<(), pgjobs::Error> {
    let topic = "cancel.*".parse()?;
    while pgjobs::inspect::count(pool, pgjobs::JobState::Running, &topic).await? < jobs {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
