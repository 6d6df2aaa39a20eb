//! One server beside three on the same machine: what the same jobs take to publish and to drain, by the same publishers
//! and one worker.

use std::time::Instant;

use pgjobs::local_postgres::LocalPostgres;
use pgjobs::sqlx::PgPool;
use pgjobs::{Shards, Worker};
use tokio::task::JoinSet;

use crate::processor::{own_time, processor_time};
use crate::{Result, TEMPLATE, start, tasks};

/// Publishers at the same time; each publishes so many jobs in one go, each with a customer as its key.
const PUBLISHERS: i64 = 4;
const TOGETHER: i64 = 30_000;
const CUSTOMERS: i64 = 1000;
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Jobs a second, and microseconds of a core for each job, of the servers and of this process.
#[derive(Clone, Copy)]
struct Rate {
    jobs: f64,
    servers: f64,
    own: f64,
}

impl Rate {
    fn better(self, other: Rate) -> Rate {
        Rate {
            jobs: self.jobs.max(other.jobs),
            servers: self.servers.min(other.servers),
            own: self.own.min(other.own),
        }
    }
}

/// Prints a row for one server and for three: the best of so many rounds in turn.
pub(crate) async fn run(jobs: i64, rounds: usize) -> Result<()> {
    let servers = [start().await?, start().await?, start().await?];
    let mut best = [None, None];
    for _ in 0..rounds {
        for (number, best) in [1, 3].into_iter().zip(&mut best) {
            let rates = measure(&servers[..number], jobs).await?;
            *best = Some(best.map_or(rates, |best: [Rate; 2]| [0, 1].map(|at| best[at].better(rates[at]))));
        }
    }
    print(best.into_iter().flatten());
    for server in servers {
        server.stop().await?;
    }
    Ok(())
}

fn print(rows: impl Iterator<Item = [Rate; 2]>) {
    println!(
        "| servers | published, jobs/s | servers, µs a job | publishers, µs | drained, jobs/s | servers, µs | worker, µs |"
    );
    println!("|---|---|---|---|---|---|---|");
    for ([publish, drain], servers) in rows.zip([1, 3]) {
        let cells = |rate: Rate| format!("{:.0} | {:.1} | {:.1}", rate.jobs, rate.servers, rate.own);
        println!("| {servers} | {} | {} |", cells(publish), cells(drain));
    }
}

async fn measure(servers: &[LocalPostgres], jobs: i64) -> Result<[Rate; 2]> {
    let pools = databases(servers).await?;
    declare(&pools).await?;
    let publish = rate(servers, jobs, publish(shards(&pools), jobs)).await?;
    let drain = rate(servers, jobs, drain(&pools, jobs)).await?;
    for pool in pools {
        pool.close().await;
    }
    Ok([publish, drain])
}

async fn databases(servers: &[LocalPostgres]) -> Result<Vec<PgPool>> {
    let mut pools = Vec::new();
    for server in servers {
        server.drop_database("load").await?;
        server.clone_database(TEMPLATE, "load").await?;
        pools.push(PgPool::connect_with(server.options().database("load")).await?);
    }
    Ok(pools)
}

fn worker(pools: &[PgPool]) -> Worker {
    let first = Worker::new(pools[0].clone()).server_name(NAMES[0]);
    let others = pools.iter().zip(NAMES).skip(1);
    let all = others.fold(first, |worker, (pool, name)| worker.server(name, pool.clone()));
    all.topic("load.plain").concurrency(100)
}

async fn declare(pools: &[PgPool]) -> Result<()> {
    Box::pin(worker(pools).state(pools[0].clone()).burst().run()).await?;
    Ok(())
}

fn shards(pools: &[PgPool]) -> Shards {
    let none = Shards::new().server(NAMES[0], pools[0].clone());
    pools.iter().zip(NAMES).skip(1).fold(none, |shards, (pool, name)| shards.server(name, pool.clone()))
}

async fn publish(shards: Shards, jobs: i64) -> Result<()> {
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        publishers.spawn(publish_a_part(shards.clone(), (publisher * TOGETHER..jobs).step_by(stride())));
    }
    while let Some(ended) = publishers.join_next().await {
        ended??;
    }
    Ok(())
}

const fn stride() -> usize {
    (PUBLISHERS * TOGETHER) as usize
}

/// What begins at each of these numbers.
async fn publish_a_part(shards: Shards, begins: impl Iterator<Item = i64>) -> Result<()> {
    for begin in begins {
        for (server, part) in shards.split(begin..begin + TOGETHER, |n| n % CUSTOMERS) {
            let calls = part.into_iter().map(|n| tasks::plain::new(n, n % CUSTOMERS));
            pgjobs::publish_all(server.pool, calls).await?;
        }
    }
    Ok(())
}

async fn drain(pools: &[PgPool], jobs: i64) -> Result<()> {
    let ended = Box::pin(worker(pools).state(pools[0].clone()).burst().run()).await?;
    assert_eq!(ended.succeeded, jobs.cast_unsigned(), "each job ran once");
    Ok(())
}

async fn rate(servers: &[LocalPostgres], jobs: i64, work: impl Future<Output = Result<()>>) -> Result<Rate> {
    let (begun, before) = (Instant::now(), times(servers)?);
    work.await?;
    let (took, after) = (begun.elapsed().as_secs_f64(), times(servers)?);
    let each = |seconds: f64| seconds * 1e6 / jobs as f64;
    Ok(Rate { jobs: jobs as f64 / took, servers: each(after.0 - before.0), own: each(after.1 - before.1) })
}

/// Processor time of the servers and of this process, in seconds.
fn times(servers: &[LocalPostgres]) -> Result<(f64, f64)> {
    let mut of_servers = 0.0;
    for server in servers {
        of_servers += processor_time(server.pid())?;
    }
    Ok((of_servers, own_time(std::process::id())?))
}
