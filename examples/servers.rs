//! Two servers behind one worker, and publishes that are routed by key.
//!
//! ```text
//! cargo run --example servers
//! ```

use std::error::Error;

use pgjobs::local_postgres::LocalPostgres;
use pgjobs::sqlx::PgPool;
use pgjobs::{Shards, Worker, admin, publish_all, task};

/// Writes an invoice. The pool is that of the server on which the job lies.
#[task]
async fn invoice(#[inject] pool: &PgPool, customer: i64) -> Result<i32, pgjobs::TaskError> {
    let port = pgjobs::sqlx::query_scalar("select current_setting('port')::int").fetch_one(pool).await?;
    let _ = customer;
    Ok(port)
}

/// A PostgreSQL of this program's own, with schema `jobs`.
async fn server() -> Result<(LocalPostgres, PgPool), Box<dyn Error>> {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    let pool = PgPool::connect_with(server.options()).await?;
    pgjobs::migrate(&pool).await?;
    Ok((server, pool))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let ((_eu, eu), (_us, us)) = (server().await?, server().await?);
    eprintln!("two PostgreSQL servers: each stops and is removed with this program");
    let shards = Shards::new().server("eu", eu.clone()).server("us", us.clone());
    let worker = Worker::new(eu.clone()).server_name("eu").server("us", us).topic("servers.*");
    let worker = worker.concurrency(8).start().await?;

    let job = invoice::publish(shards.of(&4711), 4711).await?;
    job.wait(shards.of(&4711)).await?;
    println!("the invoice of customer 4711 lies on {}", shards.find(job.id()).await?.server.name);

    admin::set_draining(&eu, true, Some("its machine goes")).await?;
    shards.refresh().await?;
    for (server, customers) in shards.split(0..100, |customer| *customer) {
        println!("{} customers on {}", customers.len(), server.name);
        for job in publish_all(server.pool, customers.into_iter().map(invoice::new)).await? {
            job.wait(server.pool).await?;
        }
    }
    for (server, report) in worker.server_reports() {
        println!("{server}: {} done", report.succeeded);
    }
    worker.shutdown().await;
    Ok(())
}
