//! Jobs per second: published in bulk, published one by one, drained.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::{Result, count, noop, setting, worker};

pub(crate) async fn enqueue(pool: &PgPool, n: u64) -> Result<()> {
    let start = Instant::now();
    pgjobs::publish_all(pool, (0..n.cast_signed()).map(|a| noop::new(a, 2))).await?;
    print("enqueue", n, start.elapsed());
    Ok(())
}

pub(crate) async fn single(pool: &PgPool, n: u64) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let start = Instant::now();
    for a in 0..n.cast_signed() {
        noop::publish(&mut connection, a, 2).await?;
    }
    print("single", n, start.elapsed());
    Ok(())
}

pub(crate) async fn drain(pool: &PgPool, n: u64) -> Result<()> {
    let limit = Duration::from_secs(setting("MAXSECS", 120)?);
    let mut asking = PgConnection::connect(&std::env::var("BENCH_DSN")?).await?;
    let start = Instant::now();
    let running = worker(pool)?.start().await?;
    while count::total() < n && start.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let handled = start.elapsed();
    let partial = std::env::var("PARTIAL").is_ok_and(|partial| partial == "1");
    let pending = std::env::var("PENDING_SQL").unwrap_or_default();
    let mut left = false;
    while !partial && !pending.is_empty() && start.elapsed() < limit + Duration::from_secs(10) {
        left = sqlx::query_scalar(AssertSqlSafe(pending.clone())).fetch_one(&mut asking).await?;
        if !left {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let done = count::total().min(n);
    println!(
        r#"{{"mode":"drain","n":{done},"secs":{seconds:.4},"secs_handled":{:.4},"rate":{:.1},"left":{left}}}"#,
        handled.as_secs_f64(),
        rate(done, seconds)
    );
    running.shutdown().await;
    Ok(())
}

fn print(mode: &str, n: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(r#"{{"mode":"{mode}","n":{n},"secs":{seconds:.4},"rate":{:.1}}}"#, rate(n, seconds));
}

#[expect(clippy::cast_precision_loss, reason = "a count of jobs")]
fn rate(n: u64, seconds: f64) -> f64 {
    n as f64 / seconds
}
