//! Unique jobs: one invoice for each customer and day, and one synchronisation after a burst of edits.
//!
//! ```text
//! cargo run --example unique
//! ```
//!
//! Customers press buttons twice, and editors save every second. The first task is declared unique, so that a
//! second call, in Rust or in SQL, gets the job that is there. The second is postponed by every further call:
//! it runs once, with the newest arguments, when it has been quiet for a moment.

use std::error::Error;

use pgjobs::{PublishOutcome, Worker, sqlx, task};

/// Makes the invoice of a customer for a day.
#[task(unique(key = (customer, day)))]
async fn invoice(customer: i64, day: String, #[default("paper")] form: String) {
    println!("invoice of customer {customer} for {day} on {form}");
}

/// Brings a document to the search index.
#[task(unique(key = document, on_conflict = "postpone", wait = "300ms", max_wait = "5s"))]
async fn index(document: i64, revision: i64) {
    println!("document {document} is indexed as of revision {revision}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    // A worker tells the database what its tasks declare; from then on SQL gets the same keys.
    Worker::new(pool.clone()).topic("unique.*").burst().run().await?;

    // Customers of this run alone: the database may hold keys of earlier ones.
    let customer: i64 = sqlx::query_scalar("select floor(random() * 1e9)::bigint").fetch_one(&pool).await?;
    let day = "2030-01-31".to_owned();
    let first = invoice::publish(&pool, customer, day.clone()).await?;
    let second = invoice::new(customer, day.clone()).form("e-mail").publish(&pool).await?;
    println!(
        "twice in Rust: {:?}, {:?}, the same job: {}",
        said(&first),
        said(&second),
        first.id() == second.id()
    );
    let in_sql = "select (jobs.publish('unique.invoice', jsonb_build_object('args', jsonb_build_array($1::bigint, $2::text)))).job_id";
    let third: String = sqlx::query_scalar(in_sql).bind(customer).bind(&day).fetch_one(&pool).await?;
    println!("and in SQL: the same job: {}", third == first.id().as_str());

    // Five edits in a moment.
    let mut edits = Vec::new();
    for revision in 1..=5 {
        edits.push(index::publish(&pool, customer, revision).await?);
    }
    println!("five edits: {:?}", edits.iter().map(said).collect::<Vec<_>>());

    let worker = Worker::new(pool.clone()).topic("unique.*").start().await?;
    edits[0].wait(&pool).await?;
    worker.shutdown().await;
    let again = invoice::publish(&pool, customer, day).await?;
    println!("once it has ended: {:?}", said(&again));
    Worker::new(pool.clone()).topic("unique.*").burst().run().await?;
    Ok(())
}

fn said<R>(job: &pgjobs::JobHandle<R>) -> PublishOutcome {
    job.outcome().expect("a typed call knows")
}
