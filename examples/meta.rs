//! Notes and tags: what a job is about, beside its arguments.
//!
//! ```text
//! cargo run --example meta
//! ```
//!
//! The publishers of this program serve tenants. A publish layer notes on every job which request caused it,
//! so that no call has to; the run reads the notes, and afterwards SQL finds the jobs by them.

use std::error::Error;

use pgjobs::{Job, Worker, sqlx, task};

/// Sends an invoice; those of important customers with a personal letter.
#[task]
async fn invoice(#[inject] job: &Job, number: u32) {
    let tenant = job.meta("tenant").unwrap_or_default();
    let letter = if job.tags().contains(&"vip".to_owned()) { " with a letter" } else { "" };
    println!("invoice {number} of tenant {tenant} is sent{letter}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    pgjobs::on_publish(|job| {
        job.set_meta("request", "8c1f");
        Ok(())
    });

    let (_database, pool) = pgjobs_examples::database().await?;
    let mut jobs = Vec::new();
    for (number, tenant) in [(1, 7), (2, 8), (3, 7)] {
        let call = invoice::publish(&pool, number).meta("tenant", tenant);
        jobs.push(if number == 3 { call.tag("vip").await? } else { call.await? });
    }

    Worker::new(pool.clone()).topic("meta.*").concurrency(1).burst().run().await?;

    // Only the jobs of this program: the database may have others.
    let ids: Vec<&str> = jobs.iter().map(|job| job.id().as_str()).collect();
    let of_tenant = r#"select meta::text from jobs."all" where job_id = any ($1) and meta @> '{"tenant": 7}' order by id"#;
    let metas: Vec<String> = sqlx::query_scalar(of_tenant).bind(ids).fetch_all(&pool).await?;
    println!("of tenant 7: {}", metas.join(" and "));
    Ok(())
}
