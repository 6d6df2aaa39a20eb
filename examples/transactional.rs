//! An order and its e-mail job are committed together, or neither exists.
//!
//! ```text
//! cargo run --example transactional
//! ```
//!
//! The job is a row that your transaction writes, so there is no moment at which the order exists
//! without its e-mail, and no e-mail for an order that was rolled back.

use std::error::Error;

use pgjobs::{JobHandle, TaskError, Tx, Worker, task};
use sqlx::{PgConnection, PgPool};

const TABLES: &str = "
    create schema if not exists pgjobs_examples;
    create table if not exists pgjobs_examples.purchase (
      id bigint generated always as identity primary key, address text not null)";

const INSERT: &str = "insert into pgjobs_examples.purchase (address) values ($1) returning id";

const COUNT: &str = "select count(*) from pgjobs_examples.purchase where id = any ($1)";

/// Confirms a purchase by e-mail.
#[task]
async fn confirm(#[inject] pool: &PgPool, purchase: i64) -> Result<String, TaskError> {
    let address: String = sqlx::query_scalar("select address from pgjobs_examples.purchase where id = $1")
        .bind(purchase)
        .fetch_one(pool)
        .await?;
    Ok(format!("purchase confirmed to {address}"))
}

async fn insert(connection: &mut PgConnection, address: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(INSERT).bind(address).fetch_one(connection).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;

    let mut jobs = vec![committed(&pool).await?];
    rolled_back(&pool).await?;
    jobs.extend(shared(&pool).await?);
    jobs.extend(many(&pool).await?);

    Worker::new(pool.clone()).burst().run().await?;
    for job in jobs {
        println!("  {}", job.wait(&pool).await?);
    }
    Ok(())
}

/// In a transaction of yours: `&mut tx` goes to your statements and to `publish` alike.
async fn committed(pool: &PgPool) -> Result<JobHandle<String>, Box<dyn Error>> {
    let mut tx = pool.begin().await?;
    let purchase = insert(&mut tx, "ana@example.org").await?;
    let job = confirm::publish(&mut tx, purchase).await?;
    tx.commit().await?;
    println!("committed: the purchase is there, its job is {}", job.fetch(pool).await?.state);
    Ok(job)
}

/// Whatever goes wrong before the commit takes both away.
async fn rolled_back(pool: &PgPool) -> Result<(), Box<dyn Error>> {
    let mut tx = pool.begin().await?;
    let purchase = insert(&mut tx, "bob@example.org").await?;
    let job = confirm::publish(&mut tx, purchase).await?;
    tx.rollback().await?;
    let left: i64 = sqlx::query_scalar(COUNT).bind([purchase]).fetch_one(pool).await?;
    match job.fetch(pool).await {
        Err(pgjobs::Error::UnknownJob(_)) => println!("rolled back: {left} purchases, no job"),
        Err(error) => return Err(error.into()),
        Ok(job) => return Err(format!("job {} outlived its transaction", job.job_id).into()),
    }
    Ok(())
}

/// `&Tx` can be in many places at once; its jobs travel together when it commits.
async fn shared(pool: &PgPool) -> Result<[JobHandle<String>; 2], Box<dyn Error>> {
    async fn buy(tx: &Tx, address: &str) -> Result<JobHandle<String>, pgjobs::Error> {
        let purchase = insert(&mut *tx.connection().await, address).await?;
        confirm::publish(tx, purchase).await
    }
    let tx = Tx::begin(pool).await?;
    let (first, second) = tokio::try_join!(buy(&tx, "cleo@example.org"), buy(&tx, "dan@example.org"))?;
    tx.commit().await?;
    println!("shared transaction: two parts of the program published through one &Tx");
    Ok([first, second])
}

/// Many jobs of one task are one round trip.
async fn many(pool: &PgPool) -> Result<Vec<JobHandle<String>>, Box<dyn Error>> {
    let mut tx = pool.begin().await?;
    let mut purchases = Vec::new();
    for number in 1..=3 {
        purchases.push(insert(&mut tx, &format!("guest{number}@example.org")).await?);
    }
    let jobs = pgjobs::publish_all(&mut tx, purchases.into_iter().map(confirm::new)).priority(-1).await?;
    tx.commit().await?;
    println!("publish_all: {} jobs in one statement", jobs.len());
    Ok(jobs)
}
