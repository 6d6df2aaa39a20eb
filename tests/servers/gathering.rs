//! Batch handlers at several servers, whose gathered jobs hold the slots of all.

use std::time::{Duration, Instant};

use pgjobs::{Worker, task};
use pgjobs_tests::{Db, Lateness, until};

use crate::tasks::databases;

/// Waits for more jobs than the part of a server has slots.
#[task(name = "many.five", batch = 5, linger = "60s")]
async fn five(#[each] _n: Vec<i64>) {}

fn worker([a, b]: &[Db; 2]) -> Worker {
    let worker = Worker::new(a.pool.clone()).server_name("a").server("b", b.pool.clone());
    worker.topic("many.*").concurrency(6)
}

#[tokio::test]
async fn nobody_waits_when_gathered_jobs_of_all_servers_hold_every_slot() {
    let (dbs, lateness) = (databases::<2>().await, Lateness::watch());
    for db in &dbs {
        pgjobs::publish_all(&db.pool, (0..3).map(five::new)).await.unwrap();
    }
    let (running, begun) = (worker(&dbs).start().await.unwrap(), Instant::now());
    until("all have run", async || running.report().succeeded == 6).await;
    assert!(begun.elapsed() < lateness.allow(Duration::from_secs(20)), "they waited for the linger");
    running.shutdown().await;
}

#[tokio::test]
async fn long_queues_of_a_batch_handler_do_not_wait_at_two_servers() {
    let (dbs, lateness) = (databases::<2>().await, Lateness::watch());
    for db in &dbs {
        pgjobs::publish_all(&db.pool, (0..300).map(five::new)).await.unwrap();
    }
    let (running, begun) = (worker(&dbs).start().await.unwrap(), Instant::now());
    until("all but the last have run", async || running.report().succeeded > 590).await;
    assert!(begun.elapsed() < lateness.allow(Duration::from_secs(20)), "they waited for the linger");
    running.shutdown().await;
}
