//! A topic is paused while a service is away, and resumed.
//!
//! ```text
//! cargo run --example pause
//! ```

use std::error::Error;
use std::time::Duration;

use pgjobs::{Topic, Worker, admin, inspect, task};

/// Sends a letter.
#[task]
async fn letter(to: String) {
    println!("letter to {to}");
}

/// Writes an invoice, which needs no mail server.
#[task]
async fn bill(customer: i64) {
    println!("bill of customer {customer}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let letters: Topic = "pause.letter".parse()?;
    admin::pause_topic(&pool, &letters, None, Some("the mail server moves")).await?;

    let letter = letter::publish(&pool, "ann".to_owned()).await?;
    let bill = bill::publish(&pool, 7).await?;
    let worker = Worker::new(pool.clone()).topic("pause.*").start().await?;
    bill.wait(&pool).await?;
    assert!(letter.wait_for(&pool, Duration::from_millis(500)).await.is_err(), "it is paused");
    for reason in inspect::explain(&pool, letter.id()).await? {
        println!("why not the letter: {}: {}", reason.code, reason.message);
    }

    admin::resume_topic(&pool, &letters).await?;
    letter.wait(&pool).await?;
    worker.shutdown().await;
    Ok(())
}
