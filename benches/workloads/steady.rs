//! What a steady flow of single jobs costs, and what idle workers cost: processor time of the server, and of publisher
//! and worker.

use std::time::Duration;

use pgjobs::Worker;
use pgjobs::local_postgres::LocalPostgres;
use pgjobs::sqlx::{self, PgPool};
use tokio::time::{Instant, interval};

use crate::measure::log_position;
use crate::processor::{own_time, processor_time};
use crate::{Result, TEMPLATE, tasks};

const SECONDS: u64 = 8;

/// Prints a row for each rate, in jobs a second, and for each number of idle workers.
pub(crate) async fn run(server: &LocalPostgres) -> Result<()> {
    println!("| idle workers | sessions | cores of the server | of the workers |\n|---|---|---|---|");
    for workers in [1, 10, 40] {
        let pool = database(server).await?;
        idle(&pool, workers, server.pid()).await?;
        pool.close().await;
    }
    println!(
        "\n| jobs/s | cores of the server | of publisher and worker | server, µs a job | log, bytes a job |"
    );
    println!("|---|---|---|---|---|");
    for rate in [10, 100, 1000] {
        let pool = database(server).await?;
        flow(&pool, rate, server.pid()).await?;
        pool.close().await;
    }
    Ok(())
}

async fn database(server: &LocalPostgres) -> Result<PgPool> {
    server.drop_database("steady").await?;
    server.clone_database(TEMPLATE, "steady").await?;
    Ok(PgPool::connect_with(server.options().database("steady")).await?)
}

fn worker(pool: &PgPool) -> Worker {
    Worker::new(pool.clone()).topic("load.*").state(pool.clone())
}

/// Processor time of the server and of this process, in seconds.
fn times(server: u32) -> Result<(f64, f64)> {
    Ok((processor_time(server)?, own_time(std::process::id())?))
}

async fn idle(pool: &PgPool, workers: usize, server: u32) -> Result<()> {
    let mut running = Vec::new();
    for _ in 0..workers {
        running.push(worker(pool).start().await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (begun, before) = (Instant::now(), times(server)?);
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    let (took, after) = (begun.elapsed().as_secs_f64(), times(server)?);
    let sessions = "select count(*) from pg_stat_activity where application_name like '%pgjobs %' and datname = current_database()";
    let sessions: i64 = sqlx::query_scalar(sessions).fetch_one(pool).await?;
    for worker in running {
        worker.shutdown().await;
    }
    let (of_server, of_us) = ((after.0 - before.0) / took, (after.1 - before.1) / took);
    println!("| {workers} | {sessions} | {of_server:.3} | {of_us:.3} |");
    Ok(())
}

async fn flow(pool: &PgPool, rate: u64, server: u32) -> Result<()> {
    let worker = worker(pool).start().await?;
    let warm = publish(pool, rate, 1).await?;
    let (begun, before, log) = (Instant::now(), times(server)?, log_position(pool).await?);
    let jobs = publish(pool, rate, SECONDS).await?;
    while worker.report().succeeded < jobs + warm {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (took, after) = (begun.elapsed().as_secs_f64(), times(server)?);
    let log = (log_position(pool).await? - log) as f64 / jobs as f64;
    worker.shutdown().await;
    let (of_server, of_us) = (after.0 - before.0, after.1 - before.1);
    let (rate, each) = (jobs as f64 / took, of_server * 1e6 / jobs as f64);
    println!("| {rate:.0} | {:.3} | {:.3} | {each:.0} | {log:.0} |", of_server / took, of_us / took);
    Ok(())
}

/// Publishes one by one for so many seconds, each hundredth of a second what is due; returns how many.
async fn publish(pool: &PgPool, rate: u64, seconds: u64) -> Result<u64> {
    let mut connection = pool.acquire().await?;
    let mut clock = interval(Duration::from_micros(10_000.max(1_000_000 / rate)));
    let begun = Instant::now();
    let mut done = 0;
    while begun.elapsed().as_secs() < seconds {
        clock.tick().await;
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        while done < due && begun.elapsed().as_secs() < seconds {
            tasks::plain::publish(&mut connection, done as i64, 7).await?;
            done += 1;
        }
    }
    Ok(done)
}
