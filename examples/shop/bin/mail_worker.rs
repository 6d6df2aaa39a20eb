//! Works on the shop's mail until it gets SIGINT or SIGTERM.
//!
//! ```text
//! DATABASE_URL=postgres://… cargo run -p pgjobs-example-shop --bin mail-worker
//! ```

use std::error::Error;

use pgjobs::Worker;
use shop::mail::Mailer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = shop::database().await?;
    let report = Worker::new(pool)
        .topic("shop.mail.*")
        .concurrency(4)
        .state(Mailer::default())
        .on_success(|job, took| println!("mail-worker: {} in {took:.1?}", job.task()))
        .run()
        .await?;
    println!("mail-worker: {} jobs, bye", report.succeeded);
    Ok(())
}
