//! A steady flow: a producer keeps a small backlog, and the driver counts the jobs of each second.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::{Result, count, setting, worker};

pub(crate) async fn run(pool: &PgPool, seconds: u64) -> Result<()> {
    let (chunk, backlog) = (setting("FLOW_CHUNK", 2000)?, setting("FLOW_BACKLOG", 6000)?);
    let producer = PgConnection::connect(&std::env::var("BENCH_DSN")?).await?;
    let sql = std::env::var("BULK_SQL")?.replace("$N", &chunk.to_string());
    let running = worker(pool)?.start().await?;
    let begun = tokio::time::Instant::now();
    let producing = tokio::spawn(produce(producer, sql, chunk, backlog));
    let (mut per_second, mut before) = (Vec::new(), 0);
    for second in 1..=seconds {
        tokio::time::sleep_until(begun + Duration::from_secs(second)).await;
        let now = count::total();
        per_second.push(now - before);
        before = now;
    }
    producing.abort();
    println!(r#"{{"mode":"flow","n":{before},"per_sec":{per_second:?}}}"#);
    running.shutdown().await;
    Ok(())
}

async fn produce(mut connection: PgConnection, sql: String, chunk: u64, backlog: u64) -> sqlx::Result<()> {
    let mut sent = 0;
    loop {
        if sent < count::total() + backlog {
            sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut connection).await?;
            sent += chunk;
        } else {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}
