//! Two worker programs of one library, each on its topic.
//!
//! ```text
//! cargo run --example topics
//! ```
//!
//! Crate `shop` (examples/shop) holds the tasks, its programs `mail-worker` and `billing-worker`
//! work on `shop.mail.*` and `shop.billing.*`. This program starts the database and both workers,
//! publishes for both, and tells which worker did what. A charge asks for its receipt, which is
//! mail: the workers meet only in the database.

use std::error::Error;
use std::io;
use std::time::Duration;

use pgjobs::local_postgres::Database;
use pgjobs::{JobHandle, JobId};
use pgjobs_examples::table;
use shop::{billing, mail};
use sqlx::PgPool;
use tokio::process::{Child, Command};

const BY_WORKER: &str = "
    select right(worker::text, 8), task, count(*) from jobs.all
    where job_id = any ($1) group by 1, 2 order by 2";

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (database, pool) = pgjobs_examples::database().await?;
    let built = cargo("build", "mail-worker").args(["--bin", "billing-worker"]).status().await?;
    if !built.success() {
        return Err("the programs of the shop do not build".into());
    }
    let workers = [start("mail-worker", &database)?, start("billing-worker", &database)?];

    let jobs = publish_and_wait(&pool).await?;
    for worker in workers {
        stop(worker).await?;
    }

    let rows: Vec<(String, String, i64)> = sqlx::query_as(BY_WORKER).bind(jobs).fetch_all(&pool).await?;
    let rows = rows.into_iter().map(|(worker, task, jobs)| [worker, task, jobs.to_string()]);
    println!("\n{}", table(["worker", "task", "jobs"], rows));
    Ok(())
}

/// Publishes four letters and two charges, and returns all jobs when the last receipt is sent.
async fn publish_and_wait(pool: &PgPool) -> Result<Vec<String>, Box<dyn Error>> {
    let address = |number| format!("customer{number}@example.org");
    let letters = pgjobs::publish_all(pool, (1..=4).map(|n| mail::welcome::new(address(n)))).await?;
    let charges = pgjobs::publish_all(pool, (1..=2).map(|n| billing::charge::new(address(n), 990))).await?;

    let mut jobs = Vec::new();
    for letter in &letters {
        letter.wait_for(pool, LIMIT).await?;
        jobs.push(letter.id().to_string());
    }
    for charge in &charges {
        let receipt: JobId = charge.wait_for(pool, LIMIT).await?.receipt.parse()?;
        jobs.extend([charge.id().to_string(), receipt.to_string()]);
        println!("{}", JobHandle::<String>::new(receipt).wait_for(pool, LIMIT).await?);
    }
    Ok(jobs)
}

/// In the root of the workspace, where it needs to build nothing that `cargo run` has not built.
fn cargo(verb: &str, program: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo.args([verb, "--quiet", "--bin", program]).kill_on_drop(true);
    // What the cargo that runs us says about us; build scripts that look at it would run again.
    let ours = |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        cargo.env_remove(name);
    }
    cargo
}

/// Starts a program of the shop on our database; on Unix `cargo run` turns into it.
fn start(program: &str, database: &Database) -> io::Result<Child> {
    let mut command = cargo("run", program);
    if let Some(server) = database.local() {
        command.env("DATABASE_URL", server.url("postgres"));
    }
    command.spawn()
}

/// Asks a worker to end, as systemd and Kubernetes do, and waits for it.
async fn stop(mut worker: Child) -> Result<(), Box<dyn Error>> {
    let pid = worker.id().ok_or("a worker has ended by itself")?;
    Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid.to_string()]).status().await?;
    let status = worker.wait().await?;
    if status.success() { Ok(()) } else { Err(format!("a worker ended with {status}").into()) }
}
