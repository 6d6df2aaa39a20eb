//! The driver that runs pgjobs in a laboratory of job systems. It implements the commands `setup`, `enqueue
//! N`, `single N`, `drain N`, `latency N`, `flow SECS`, through the public API and with the settings that a
//! user would use.
//!
//! Each command is a separate process against the database in `BENCH_DSN` and prints one line of JSON
//! (`setup` prints none). The task counts its calls in memory.
#![allow(clippy::print_stdout, reason = "a driver answers on stdout")]

mod count;
mod flow;
mod latency;
mod rates;

use std::error::Error;

use pgjobs::{Worker, task};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Counts its call.
#[task(name = "noop")]
async fn noop(a: i64, b: i64) {
    let _ = b;
    count::handled(a);
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let n: u64 = words.next().map_or(Ok(0), |n| n.parse())?;
    let pool = PgPoolOptions::new().max_connections(5).connect(&std::env::var("BENCH_DSN")?).await?;
    match verb.as_str() {
        "setup" => drop(pgjobs::migrate(&pool).await?),
        "enqueue" => rates::enqueue(&pool, n).await?,
        "single" => rates::single(&pool, n).await?,
        "drain" => rates::drain(&pool, n).await?,
        "latency" => latency::measure(&pool, n).await?,
        "flow" => flow::run(&pool, n).await?,
        other => return Err(format!("unknown verb `{other}`").into()),
    }
    Ok(())
}

/// The worker under test; `CONC` sets its slots.
fn worker(pool: &PgPool) -> Result<Worker> {
    Ok(Worker::new(pool.clone()).concurrency(setting("CONC", 100)?))
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> Result<T>
where
    T::Err: Error + 'static,
{
    Ok(std::env::var(name).map_or(Ok(default), |value| value.parse())?)
}
