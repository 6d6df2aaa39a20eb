//! A worker for tasks that live in a library crate.
//!
//! ```text
//! cargo run --example library_tasks
//! ```
//!
//! The linker takes only crates that the program mentions, and this program uses nothing of crate
//! `shop` by name. Without the line `pgjobs::link!(shop)` it would have no tasks, and the worker would
//! refuse to start:
//!
//! ```text
//! no tasks are registered in this binary; if they live in another crate, name it:
//! pgjobs::link!(my_tasks); (a dependency that is never named is not linked)
//! ```
//!
//! Write that line in every worker, for all crates that hold tasks: `pgjobs::link!(shop, reports);`

use std::error::Error;

use pgjobs::{NewJob, Worker};

pgjobs::link!(shop);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;

    for task in pgjobs::define::linked_tasks()? {
        println!("linked: {} ({})", task.name, task.doc.lines().next().unwrap_or_default());
    }

    // A program that does not have the library publishes by name.
    let job = NewJob::named("shop.billing.total").kwarg("cents", [1250, 990]).publish(&pool).await?;

    Worker::new(pool.clone()).topic("shop.billing.*").burst().run().await?;
    println!("shop.billing.total: {}", job.wait(&pool).await?);
    Ok(())
}
