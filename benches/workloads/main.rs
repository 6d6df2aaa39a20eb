//! What one server gives by workload: `cargo run --release -p pgjobs-benches --bin pgjobs-workloads -- [JOBS [ROUNDS
//! [PART OF A NAME]]]`; what a steady flow costs: `… -- steady`; and one server beside three: `… -- servers [JOBS
//! [ROUNDS]]`.
//!
//! On a durable PostgreSQL of its own, each workload in a database of its own, as features of one workload must not
//! weigh on another. The workloads are run in turn, round by round, because the speed of a machine changes by the
//! minute; each figure is the best of its rounds. Printed are microseconds of a core for each job, to publish it (server and
//! publisher) and from claim to end, how many times the latter is that of plain jobs, and bytes of write-ahead log. A
//! core gives a million microseconds a second: rates follow from it, and from it alone, on a machine that is busy.
#![allow(clippy::print_stdout, reason = "a bench answers on stdout")]
#![allow(clippy::cast_precision_loss, reason = "counts of jobs are far below 2^52")]

mod measure;
mod processor;
mod publish;
mod servers;
mod steady;
mod tasks;

use std::error::Error;
use std::num::ParseIntError;
use std::str::FromStr;

use pgjobs::local_postgres::LocalPostgres;

use measure::{Figures, measure};
use publish::{WORKLOADS, Workload};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const TEMPLATE: &str = "migrated";

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).peekable();
    match words.next_if(|word| ["steady", "servers"].contains(&word.as_str())).as_deref() {
        Some("steady") => steady().await,
        Some(_) => servers::run(number(words.next(), 1_000_000)?, number(words.next(), 3)?).await,
        None => {
            let (jobs, rounds) = (number(words.next(), 60_000)?, number(words.next(), 3)?);
            workloads(jobs, rounds, &words.next().unwrap_or_default()).await
        }
    }
}

fn number<N: FromStr<Err = ParseIntError>>(word: Option<String>, otherwise: N) -> Result<N> {
    Ok(word.map_or(Ok(otherwise), |word| word.parse())?)
}

async fn steady() -> Result<()> {
    let server = start().await?;
    let outcome = steady::run(&server).await;
    server.stop().await?;
    outcome
}

async fn workloads(jobs: usize, rounds: usize, part: &str) -> Result<()> {
    let server = start().await?;
    let mut best: Vec<Option<Figures>> = vec![None; WORKLOADS.len()];
    for _ in 0..rounds {
        let chosen = WORKLOADS.iter().zip(&mut best).filter(|(workload, _)| workload.name.contains(part));
        for (workload, best) in chosen {
            let figures = in_a_database(&server, workload, jobs / workload.share).await?;
            *best = Some(best.map_or(figures, |best| best.better(figures)));
        }
    }
    print(&best);
    server.stop().await?;
    Ok(())
}

/// A server with settings for this load, and a migrated database to copy.
async fn start() -> Result<LocalPostgres> {
    let builder = LocalPostgres::builder().durable(true);
    let settings = [
        ("shared_buffers", "1GB"),
        ("max_wal_size", "4GB"),
        ("checkpoint_timeout", "30min"),
        ("max_connections", "300"),
    ];
    let builder = settings.into_iter().fold(builder, |builder, (name, value)| builder.setting(name, value));
    let server = builder.start().await?;
    server.create_database(TEMPLATE).await?;
    let pool = pgjobs::sqlx::PgPool::connect_with(server.options().database(TEMPLATE)).await?;
    pgjobs::migrate(&pool).await?;
    pool.close().await;
    Ok(server)
}

async fn in_a_database(server: &LocalPostgres, workload: &Workload, jobs: usize) -> Result<Figures> {
    let name = format!("load_{}", workload.name.replace(|char: char| !char.is_ascii_alphanumeric(), "_"));
    server.clone_database(TEMPLATE, &name).await?;
    let pool = pgjobs::sqlx::PgPool::connect_with(server.options().database(&name)).await?;
    let figures = measure(&pool, server.pid(), workload, jobs).await;
    pool.close().await;
    server.drop_database(&name).await?;
    figures
}

fn print(best: &[Option<Figures>]) {
    println!(
        "| workload | publish, µs | of plain | claim to end: server, µs | worker, µs | of plain | log to publish | to drain |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let plain = best.first().copied().flatten();
    let (publish, drain) = plain.map_or((1.0, 1.0), |plain| (plain.publish, plain.drain()));
    for (workload, figures) in WORKLOADS.iter().zip(best) {
        let Some(it) = figures else { continue };
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
            workload.name,
            it.publish,
            it.publish / publish,
            it.drain_server,
            it.drain_worker,
            it.drain() / drain,
            it.log_to_publish,
            it.log_to_drain
        );
    }
}
