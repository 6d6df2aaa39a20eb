//! What one server gives by workload: `cargo run --release -p pgjobs-benches --bin pgjobs-workloads -- [JOBS [ROUNDS]]`, and
//! what a steady flow costs: `… -- steady`.
//!
//! On a durable PostgreSQL of its own, each workload in a database of its own, as features of one workload must not
//! weigh on another. The workloads are run in turn, round by round, because the speed of a machine changes by the
//! minute; each figure is the best of its rounds. Printed are jobs per second of one publishing connection and of one
//! worker, the ratio of the drain to that of plain jobs in packed rows, and bytes of write-ahead log for each job.
#![allow(clippy::print_stdout, reason = "a bench answers on stdout")]
#![allow(clippy::cast_precision_loss, reason = "counts of jobs are far below 2^52")]

mod measure;
mod publish;
mod steady;
mod tasks;

use std::error::Error;

use pgjobs::local_postgres::LocalPostgres;

use measure::{Figures, measure};
use publish::{WORKLOADS, Workload};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const TEMPLATE: &str = "migrated";

#[tokio::main]
async fn main() -> Result<()> {
    let server = start().await?;
    let outcome = if std::env::args().nth(1).as_deref() == Some("steady") {
        steady::run(&server).await
    } else {
        workloads(&server).await
    };
    server.stop().await?;
    outcome
}

async fn workloads(server: &LocalPostgres) -> Result<()> {
    let mut words = std::env::args().skip(1);
    let jobs: usize = words.next().map_or(Ok(60_000), |jobs| jobs.parse())?;
    let rounds: usize = words.next().map_or(Ok(3), |rounds| rounds.parse())?;
    let mut best: Vec<Option<Figures>> = vec![None; WORKLOADS.len()];
    for _ in 0..rounds {
        for (workload, best) in WORKLOADS.iter().zip(&mut best) {
            let figures = in_a_database(server, workload, jobs / workload.share).await?;
            *best = Some(best.map_or(figures, |best| best.better(figures)));
        }
    }
    print(&best);
    Ok(())
}

/// A server with settings for this load, and a migrated database to copy.
async fn start() -> Result<LocalPostgres> {
    let builder = LocalPostgres::builder().durable(true);
    let settings = [("shared_buffers", "1GB"), ("max_wal_size", "4GB"), ("checkpoint_timeout", "30min")];
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
    let figures = measure(&pool, workload, jobs).await;
    pool.close().await;
    server.drop_database(&name).await?;
    figures
}

fn print(best: &[Option<Figures>]) {
    println!("| workload | published/s | drained/s | of plain | log to publish | log to drain |");
    println!("|---|---|---|---|---|---|");
    let plain = best.first().copied().flatten().map_or(1.0, |plain| plain.drained);
    for (workload, figures) in WORKLOADS.iter().zip(best) {
        let Some(it) = figures else { continue };
        println!(
            "| {} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            workload.name,
            it.published,
            it.drained,
            it.drained / plain,
            it.log_to_publish,
            it.log_to_drain
        );
    }
}
