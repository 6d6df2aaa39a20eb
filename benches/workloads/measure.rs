//! Publishes the jobs of a workload, then drains them by one worker.

use std::time::Duration;

use pgjobs::Worker;
use pgjobs::sqlx::{self, AssertSqlSafe, PgPool};

use crate::Result;
use crate::processor::{own_time, processor_time};
use crate::publish::Workload;

/// For each job: microseconds of a core, and bytes of write-ahead log.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    /// Of server and publisher.
    pub(crate) publish: f64,
    pub(crate) drain_server: f64,
    pub(crate) drain_worker: f64,
    pub(crate) log_to_publish: f64,
    pub(crate) log_to_drain: f64,
}

impl Figures {
    /// The less of each: what is more was disturbed by something else.
    pub(crate) fn better(self, other: Figures) -> Figures {
        Figures {
            publish: self.publish.min(other.publish),
            drain_server: self.drain_server.min(other.drain_server),
            drain_worker: self.drain_worker.min(other.drain_worker),
            log_to_publish: self.log_to_publish.min(other.log_to_publish),
            log_to_drain: self.log_to_drain.min(other.log_to_drain),
        }
    }

    pub(crate) fn drain(self) -> f64 {
        self.drain_server + self.drain_worker
    }
}

/// Processor time of the server and of this process, in seconds, and the end of the log, in bytes.
#[derive(Clone, Copy)]
struct Meter {
    server: f64,
    own: f64,
    log: i64,
}

impl Meter {
    async fn read(pool: &PgPool, server: u32) -> Result<Self> {
        let log = log_position(pool).await?;
        Ok(Meter { server: processor_time(server)?, own: own_time(std::process::id())?, log })
    }
}

pub(crate) async fn measure(pool: &PgPool, server: u32, workload: &Workload, jobs: usize) -> Result<Figures> {
    let worker = || Worker::new(pool.clone()).topic("load.*").state(pool.clone()).concurrency(100);
    // Declares the tasks, so that publishing finds their unique keys and limits.
    worker().burst().run().await?;
    sqlx::raw_sql(AssertSqlSafe(workload.before)).execute(pool).await?;
    let begun = Meter::read(pool, server).await?;
    (workload.publish)(pool.clone(), jobs).await?;
    let published = Meter::read(pool, server).await?;
    let all: i64 = sqlx::query_scalar(workload.count).fetch_one(pool).await?;
    let before = Meter::read(pool, server).await?;
    let running = worker().start().await?;
    while running.report().succeeded < all.cast_unsigned() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.shutdown().await;
    let drained = Meter::read(pool, server).await?;
    let each = |seconds: f64| seconds * 1e6 / all as f64;
    let log = |bytes: i64| bytes as f64 / all as f64;
    Ok(Figures {
        publish: each(published.server - begun.server + published.own - begun.own),
        drain_server: each(drained.server - before.server),
        drain_worker: each(drained.own - before.own),
        log_to_publish: log(published.log - begun.log),
        log_to_drain: log(drained.log - before.log),
    })
}

/// The end of the write-ahead log, in bytes.
pub(crate) async fn log_position(pool: &PgPool) -> Result<i64> {
    let position = "select (pg_current_wal_insert_lsn() - '0/0')::bigint";
    Ok(sqlx::query_scalar(position).fetch_one(pool).await?)
}
