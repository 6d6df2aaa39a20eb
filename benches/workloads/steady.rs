//! What a steady flow of single jobs costs: processor time of the server, and of publisher and worker.

use std::fs;
use std::time::Duration;

use pgjobs::Worker;
use pgjobs::local_postgres::LocalPostgres;
use pgjobs::sqlx::PgPool;
use tokio::time::{Instant, interval};

use crate::measure::log_position;
use crate::{Result, TEMPLATE, tasks};

const SECONDS: u64 = 8;

/// Prints a row for each rate, in jobs a second.
pub(crate) async fn run(server: &LocalPostgres) -> Result<()> {
    println!(
        "| jobs/s | cores of the server | of publisher and worker | server, µs a job | log, bytes a job |"
    );
    println!("|---|---|---|---|---|");
    for rate in [10, 100, 1000, 3000] {
        server.clone_database(TEMPLATE, "steady").await?;
        let pool = PgPool::connect_with(server.options().database("steady")).await?;
        flow(&pool, rate, server.pid()).await?;
        pool.close().await;
        server.drop_database("steady").await?;
    }
    Ok(())
}

async fn flow(pool: &PgPool, rate: u64, server: u32) -> Result<()> {
    let worker = Worker::new(pool.clone()).topic("load.*").state(pool.clone()).start().await?;
    publish(pool, rate, rate).await?; // a second to warm up
    let (begun, log) = (Instant::now(), log_position(pool).await?);
    let (of_server, of_us) = (processor_time(server)?, own_time(std::process::id())?);
    let jobs = rate * SECONDS;
    publish(pool, rate, jobs).await?;
    while worker.report().succeeded < jobs + rate {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let took = begun.elapsed().as_secs_f64();
    let (of_server, of_us) = (processor_time(server)? - of_server, own_time(std::process::id())? - of_us);
    let log = (log_position(pool).await? - log) as f64 / jobs as f64;
    worker.shutdown().await;
    println!(
        "| {:.0} | {:.3} | {:.3} | {:.0} | {log:.0} |",
        jobs as f64 / took,
        of_server / took,
        of_us / took,
        of_server * 1e6 / jobs as f64
    );
    Ok(())
}

/// Publishes one by one, each hundredth of a second what is due.
async fn publish(pool: &PgPool, rate: u64, jobs: u64) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let mut clock = interval(Duration::from_micros(10_000.max(1_000_000 / rate)));
    let begun = Instant::now();
    let mut done = 0;
    while done < jobs {
        clock.tick().await;
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        while done < due.min(jobs) {
            tasks::plain::publish(&mut connection, done as i64, 7).await?;
            done += 1;
        }
    }
    Ok(())
}

/// Seconds of processor time of a process and all of its children, those that have ended too.
fn processor_time(process: u32) -> Result<f64> {
    let mut total = times(process)?.iter().sum::<f64>();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that has just ended is counted by its parent.
        if let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat"))
            && fields(&stat).nth(1) == Some(process.to_string().as_str())
        {
            total += own_time(child).unwrap_or(0.0);
        }
    }
    Ok(total)
}

/// Seconds of processor time of one process.
fn own_time(process: u32) -> Result<f64> {
    Ok(times(process)?[..2].iter().sum())
}

/// Of itself by the program and by the kernel, and both of its children that have ended.
fn times(process: u32) -> Result<Vec<f64>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = fields(&stat).skip(11).take(4).map(|ticks| Ok(ticks.parse::<f64>()? / 100.0));
    ticks.collect()
}

/// The fields behind the name of the program, which may have spaces in it.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(") ").next().unwrap_or_default().split(' ')
}
