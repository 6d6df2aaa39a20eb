//! A worker for tasks that live in a library crate.
//!
//! ```text
//! cargo run --example library_tasks
//! ```
//!
//! The linker takes only crates that the program mentions. This one uses nothing of crate `shop` by
//! name but one type of state; a worker whose tasks need no state would mention nothing at all, its
//! tasks would be missing, and it would refuse to start:
//!
//! ```text
//! no tasks are registered in this binary; if they live in another crate, name it:
//! pgjobs::link!(my_tasks); (a dependency that is never named is not linked)
//! ```
//!
//! So write the line below in every worker, once for all crates that hold tasks.

use std::error::Error;

use pgjobs::{NewJob, Worker};

pgjobs::link!(shop);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;

    for task in pgjobs::linked_tasks()? {
        println!("linked: {} ({})", task.name, task.doc.lines().next().unwrap_or_default());
    }

    // A program that does not have the library publishes by name.
    let job = NewJob::named("shop.billing.charge").arg("ana@example.org").kwarg("cents", 1250);
    let job = job.publish(&pool).await?;

    Worker::new(pool.clone()).topic("shop.billing.*").burst().run().await?;
    let row = job.fetch(&pool).await?;
    println!("{} ended as {} in run {}", row.task, row.state, row.attempt);
    Ok(())
}
