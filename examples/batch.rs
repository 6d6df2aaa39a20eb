//! A batch handler: jobs are published one by one, and one call runs many of them.
//!
//! ```text
//! cargo run --example batch
//! ```
//!
//! A search index takes many documents in one request. One document is broken, and only its job fails; another
//! one brings the whole request down, and after that each of its jobs is sent alone.

use std::error::Error;
use std::time::Duration;

use pgjobs::{TaskError, Worker, task};

/// Puts documents into the index.
#[task(batch = 5, linger = "200ms", retries = 2, backoff = "fixed(10ms)")]
async fn index(#[each] document: Vec<String>) -> Result<Vec<Result<usize, TaskError>>, TaskError> {
    println!("one request with {}", document.join(", "));
    if document.iter().any(|text| text == "bomb") {
        return Err(TaskError::new("503")); // nobody knows which of them it was
    }
    let put = |text: String| match text.as_str() {
        "blank" => Err(TaskError::fatal("it has no words")),
        _ => Ok(text.len()),
    };
    Ok(document.into_iter().map(put).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let worker = Worker::new(pool.clone()).topic("batch.index").concurrency(10).start().await?;
    for requests in [["ant", "bee", "blank", "cow", "dog"], ["eel", "fox", "bomb", "gnu", "hen"]] {
        let mut jobs = Vec::new();
        for text in requests {
            jobs.push((text, index::publish(&pool, text.to_owned()).await?));
        }
        for (text, job) in jobs {
            match job.wait_for(&pool, Duration::from_secs(60)).await {
                Ok(length) => println!("{text} is indexed, {length} bytes"),
                Err(_) => println!("{text} is not indexed"),
            }
        }
    }
    worker.shutdown().await;
    Ok(())
}
