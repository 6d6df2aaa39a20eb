//! Publishes the jobs of a workload, then drains them by one worker.

use std::time::{Duration, Instant};

use pgjobs::Worker;
use pgjobs::sqlx::{self, AssertSqlSafe, PgPool};

use crate::Result;
use crate::publish::Workload;

/// Jobs per second, and bytes of write-ahead log for each job.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) published: f64,
    pub(crate) drained: f64,
    pub(crate) log_to_publish: f64,
    pub(crate) log_to_drain: f64,
}

impl Figures {
    /// The better of each: what is slower or more was disturbed by something else.
    pub(crate) fn better(self, other: Figures) -> Figures {
        Figures {
            published: self.published.max(other.published),
            drained: self.drained.max(other.drained),
            log_to_publish: self.log_to_publish.min(other.log_to_publish),
            log_to_drain: self.log_to_drain.min(other.log_to_drain),
        }
    }
}

pub(crate) async fn measure(pool: &PgPool, workload: &Workload, jobs: usize) -> Result<Figures> {
    let worker = || Worker::new(pool.clone()).topic("load.*").state(pool.clone()).concurrency(100);
    // Declares the tasks, so that publishing finds their unique keys and limits.
    worker().burst().run().await?;
    sqlx::raw_sql(AssertSqlSafe(workload.before)).execute(pool).await?;
    let (begun, log) = (Instant::now(), log_position(pool).await?);
    (workload.publish)(pool.clone(), jobs).await?;
    let (published, log_published) = (begun.elapsed(), log_position(pool).await?);
    let all: i64 = sqlx::query_scalar(workload.count).fetch_one(pool).await?;
    let begun = Instant::now();
    let running = worker().start().await?;
    while running.report().succeeded < all.cast_unsigned() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let drained = begun.elapsed();
    running.shutdown().await;
    let log_drained = log_position(pool).await?;
    let each = |log: i64| log as f64 / all as f64;
    Ok(Figures {
        published: all as f64 / published.as_secs_f64(),
        drained: all as f64 / drained.as_secs_f64(),
        log_to_publish: each(log_published - log),
        log_to_drain: each(log_drained - log_published),
    })
}

/// The end of the write-ahead log, in bytes.
pub(crate) async fn log_position(pool: &PgPool) -> Result<i64> {
    let position = "select (pg_current_wal_insert_lsn() - '0/0')::bigint";
    Ok(sqlx::query_scalar(position).fetch_one(pool).await?)
}
