//! Works on the shop's billing until it gets SIGINT or SIGTERM.
//!
//! ```text
//! DATABASE_URL=postgres://… cargo run -p pgjobs-example-shop --bin billing-worker
//! ```
//!
//! The mail tasks are linked into it as well, and need a `Mailer` that it does not have: outside
//! its topic that does not matter.

use std::error::Error;

use pgjobs::Worker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = shop::database().await?;
    let report = Worker::new(pool)
        .topic("shop.billing.*")
        .concurrency(2)
        .on_success(|job, took| println!("billing-worker: {} in {took:.1?}", job.task()))
        .run()
        .await?;
    println!("billing-worker: {} jobs, bye", report.succeeded);
    Ok(())
}
