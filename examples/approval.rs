//! A job in steps that sleeps, and waits for a person: human approval.
//!
//! ```text
//! cargo run --example approval
//! ```
//!
//! Each order is charged, cools off for a second, waits until somebody approves it, and is booked. One order is
//! approved before it asks, one while it waits, one never. In the middle of it all the worker ends and another
//! one goes on: nobody is charged twice, and what waits takes no slot of a worker.

use std::error::Error;
use std::time::Duration;

use pgjobs::{JobHandle, Steps, TaskError, Worker, WorkerHandle, sqlx, task};

/// What becomes of an order. The names of its steps are declared, so that `pgjobs check` knows them.
#[task(steps("charge", "cool off", "approve/*", "book"))]
async fn fulfil(
    #[inject] pool: &sqlx::PgPool,
    #[inject] steps: &Steps,
    order: i64,
) -> Result<String, TaskError> {
    // At least once: so the bank is given a key by which it knows the second time.
    let key = format!("{}/charge", steps.job().idempotency_key());
    let receipt = steps.step("charge", || charge(order, &key)).await?;
    steps.sleep("cool off", Duration::from_secs(1)).await?;
    // The run ends here, and another one goes on when the signal comes, or when the time is over.
    let approved: Option<String> = steps.wait_for(format!("approve/{order}"), Duration::from_secs(4)).await?;
    let Some(by) = approved else {
        return Ok(format!("order {order}: nobody approved it, receipt {receipt} is void"));
    };
    // Exactly once: the entry and the record of the step are in one transaction.
    let mut tx = pool.begin().await?;
    let insert = "insert into pgjobs_examples.entry (order_id) values ($1)";
    steps
        .step_in(&mut tx, "book", async |tx| {
            sqlx::query(insert).bind(order).execute(tx).await?;
            Ok(())
        })
        .await?;
    tx.commit().await?;
    thank::publish(steps.on_success(), order).await?;
    Ok(format!("order {order}: approved by {by}, receipt {receipt}"))
}

async fn charge(order: i64, _key: &str) -> Result<i64, TaskError> {
    println!("order {order}: charged");
    Ok(1000 + order)
}

/// Is published if, and only if, the order becomes a success.
#[task]
async fn thank(order: i64) {
    println!("order {order}: thank you");
}

const TABLE: &str = "
    create schema if not exists pgjobs_examples;
    drop table if exists pgjobs_examples.entry;
    create table pgjobs_examples.entry (order_id bigint)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    sqlx::raw_sql(TABLE).execute(&pool).await?;
    // With a database that other runs of this example have used: other orders, since a signal is sent once.
    let first: i64 =
        sqlx::query_scalar("select extract(epoch from now())::bigint % 100000 * 10").fetch_one(&pool).await?;
    let worker = worker(&pool).await?;
    let orders = pgjobs::publish_all(&pool, (1..=3).map(|n| fulfil::new(first + n))).await?;
    pgjobs::signal(&pool, &format!("approve/{}", first + 1), "ada").await?;
    until(&orders[1], &pool, "waits_for_signal").await?;
    for reason in orders[1].explain(&pool).await?.iter().take(1) {
        println!(
            "the second order: {} ({})",
            reason.code,
            pgjobs::inspect::steps(&pool, orders[1].id()).await?.len()
        );
    }
    worker.shutdown().await;
    println!("the worker has ended; another one goes on");
    let worker = self::worker(&pool).await?;
    pgjobs::signal(&pool, &format!("approve/{}", first + 2), "grace").await?;
    for order in &orders {
        println!("{}", order.wait(&pool).await?);
    }
    let entries: i64 =
        sqlx::query_scalar("select count(*) from pgjobs_examples.entry").fetch_one(&pool).await?;
    println!("{entries} orders are booked");
    worker.shutdown().await;
    Ok(())
}

async fn worker(pool: &sqlx::PgPool) -> Result<WorkerHandle, pgjobs::Error> {
    Worker::new(pool.clone()).topic("approval.*").poll(Duration::from_millis(100)).start().await
}

/// Waits until `jobs.explain` says this of a job.
async fn until<R>(job: &JobHandle<R>, pool: &sqlx::PgPool, code: &str) -> Result<(), pgjobs::Error> {
    while !job.explain(pool).await?.iter().any(|reason| reason.code == code) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
