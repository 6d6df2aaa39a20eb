//! Two imports of a customer at once, postings of an account in order, and a key that is closed for a while.
//!
//! ```text
//! cargo run --example limits
//! ```

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use pgjobs::chrono::{TimeDelta, Utc};
use pgjobs::limits::{self, Limit};
use pgjobs::{Worker, inspect, publish_all, task};

static RUNNING: AtomicU32 = AtomicU32::new(0);
static MOST: AtomicU32 = AtomicU32::new(0);

/// Imports a file. A customer's files are imported two at a time, however many workers there are.
#[task(limit(key = customer, max = 2, name = "imports"))]
async fn import(customer: i64, file: u32) {
    MOST.fetch_max(RUNNING.fetch_add(1, SeqCst) + 1, SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    RUNNING.fetch_sub(1, SeqCst);
    if customer == 2 {
        println!("imported file {file} of customer {customer}");
    }
}

/// Posts an amount. Those of an account are posted one after another.
#[task(in_order(key = account))]
async fn post(account: i64, amount: i64) {
    println!("account {account}: {amount}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let worker = Worker::new(pool.clone()).topic("limits.*").start().await?;

    let imports = publish_all(&pool, (1..=8).map(|file| import::new(1, file))).await?;
    let postings = publish_all(&pool, (1..=3).map(|amount| post::new(7, amount))).await?;
    for job in imports.iter() {
        job.wait(&pool).await?;
    }
    for job in postings.iter() {
        job.wait(&pool).await?;
    }
    println!("at most {} imports of customer 1 at once", MOST.load(SeqCst));

    // The service asked for a pause: nobody calls it for this customer meanwhile.
    limits::block_key(&pool, "imports", 2, Utc::now() + TimeDelta::hours(1), Some("429")).await?;
    let import = import::publish(&pool, 2, 9).await?;
    assert!(import.wait_for(&pool, Duration::from_millis(500)).await.is_err(), "its key is closed");
    for reason in inspect::explain(&pool, import.id()).await? {
        println!("why not file 9: {}: {}", reason.code, reason.message);
    }
    limits::release_key(&pool, "imports", 2).await?;
    import.wait(&pool).await?;

    // At once, also for the jobs that wait.
    Limit::new("imports").max(10).save(&pool).await?;
    for limit in limits::list(&pool, None).await? {
        println!("{}: {:?} at once", limit.name, limit.max);
    }
    worker.shutdown().await;
    Ok(())
}
