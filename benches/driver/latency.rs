//! Pick-up times of an idle worker: from just before a publish to the start of the job.

use std::time::{Duration, Instant};

use sqlx::PgPool;

use crate::{Result, count, noop, setting, worker};

pub(crate) async fn measure(pool: &PgPool, n: u64) -> Result<()> {
    count::watch(n);
    let running = worker(pool)?.start().await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let limit = Duration::from_secs(setting("MAXSECS", 25)?);
    let begun = Instant::now();
    let mut connection = pool.acquire().await?;
    let mut samples = Vec::new();
    for i in 0..n {
        let published = count::clock();
        noop::publish(&mut connection, i.cast_signed(), 2).await?;
        samples.push(started(i).await?.saturating_sub(published).as_secs_f64() * 1000.0);
        // Long enough for the worker to go idle again, uneven so that its polls do not fall in step.
        tokio::time::sleep(Duration::from_millis(5 + (i * 7919) % 16)).await;
        if begun.elapsed() > limit {
            break;
        }
    }
    samples.sort_by(f64::total_cmp);
    let at = |share: usize| samples[(samples.len() * share / 100).min(samples.len() - 1)];
    println!(
        r#"{{"mode":"latency","n":{},"p50":{:.3},"p99":{:.3},"max":{:.3}}}"#,
        samples.len(),
        at(50),
        at(99),
        at(100)
    );
    running.shutdown().await;
    Ok(())
}

async fn started(job: u64) -> Result<Duration> {
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(70) {
        if let Some(start) = count::start(job) {
            return Ok(start);
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Err(format!("job {job} did not start within 70 s").into())
}
