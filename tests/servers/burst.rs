//! Bursts over several servers.

use std::time::Duration;

use pgjobs::{End, Shards, Worker};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::tasks::{Busy, databases, ended, hop, sleep};

#[tokio::test]
async fn a_burst_ends_when_no_server_has_anything_due() {
    let ([a, b], busy) = (databases::<2>().await, Busy::new());
    pgjobs::publish_all(&a.pool, (0..3).map(|_| sleep::new(1))).await.unwrap();
    pgjobs::publish_all(&b.pool, (0..300).map(|_| sleep::new(5))).await.unwrap();
    let worker = Worker::new(a.pool.clone()).server("b", b.pool.clone()).topic("busy.*").state(busy);
    let report = worker.burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.released), (303, 0));
    assert_eq!((ended(&a).await, ended(&b).await), (3, 300));
}

#[tokio::test]
async fn a_burst_runs_what_its_runs_publish_at_another_server() {
    let [a, b]: [Db; 2] = databases().await;
    let shards = Shards::new().server("a", a.pool.clone()).server("b", b.pool.clone());
    hop::publish(&a.pool, 10).await.unwrap();
    let worker = Worker::new(a.pool.clone()).server_name("a").server("b", b.pool.clone());
    let report = worker.topic("hop.*").state(shards).burst().run().await.unwrap();
    assert_eq!(report.succeeded, 11);
}

#[tokio::test]
async fn a_burst_ends_without_a_server_that_goes_away_meanwhile() {
    let ([a, b], busy) = (databases::<2>().await, Busy::new());
    let proxy = Proxy::before(&b);
    let through = PgPool::connect_lazy_with(proxy.options(&b));
    pgjobs::publish_all(&a.pool, (0..3).map(|_| sleep::new(1))).await.unwrap();
    pgjobs::publish_all(&b.pool, (0..1000).map(|_| sleep::new(30))).await.unwrap();
    let worker = Worker::new(a.pool.clone()).server("b", through).topic("busy.*").state(busy);
    let running = worker.lease(Duration::from_secs(3)).burst().start().await.unwrap();
    until("it works at both", async || running.server_reports().iter().all(|(_, one)| one.succeeded > 0))
        .await;
    proxy.set_up(false);
    let report = timeout(Duration::from_secs(120), running.wait()).await.expect("it does not wait for b");
    assert_eq!((report.end, ended(&a).await), (End::Unfinished, 3));
}
