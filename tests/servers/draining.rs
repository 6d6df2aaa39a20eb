//! A server is drained and removed under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

use pgjobs::{Shards, Worker, admin};
use pgjobs_tests::until;

use crate::tasks::{databases, once};

#[tokio::test]
async fn a_server_that_is_drained_under_load_ends_up_empty_and_loses_nothing() {
    let dbs = databases::<3>().await;
    for db in &dbs {
        db.run("create table runs (n bigint primary key)").await;
    }
    let [a, b, c] = &dbs;
    let pools = [a, b, c].map(|db| db.pool.clone());
    let shards = Shards::new().server("a", pools[0].clone());
    let shards = shards.server("b", pools[1].clone()).server("c", pools[2].clone());
    shards.refresh().await.unwrap();
    let worker = Worker::new(pools[0].clone()).server_name("a").server("b", pools[1].clone());
    let running = worker.server("c", pools[2].clone()).topic("once.*").start().await.unwrap();

    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let publisher = || {
        let (shards, stop, next) = (shards.clone(), stop.clone(), next.clone());
        tokio::spawn(async move {
            while !stop.load(SeqCst) {
                let n = next.fetch_add(1, SeqCst);
                once::publish(shards.of(&n), n, 1).await.unwrap();
            }
        })
    };
    let publishers = [publisher(), publisher()];
    until("all have work", async || running.server_reports().iter().all(|(_, one)| one.succeeded > 20)).await;
    admin::set_draining(&b.pool, true, Some("it goes")).await.unwrap();
    until("the publishers know it", async || shards.servers().any(|server| server.draining)).await;
    let left = "select count(*) from jobs.job_queue";
    // A publish that was routed before they knew may still arrive.
    until("it is empty", async || b.one::<i64>(left).await == 0).await;
    let published = next.load(SeqCst);
    until("the others go on", async || next.load(SeqCst) > published + 100).await;
    assert_eq!(b.one::<i64>(left).await, 0, "it gets nothing any more");
    stop.store(true, SeqCst);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let published = next.load(SeqCst);
    until("all have run", async || running.report().succeeded == published.unsigned_abs()).await;
    running.shutdown().await;
    let mut ran = Vec::new();
    for db in &dbs {
        ran.extend(db.all::<i64>("select n from runs").await);
    }
    ran.sort_unstable();
    assert_eq!(ran, (0..published).collect::<Vec<_>>(), "none lost, none twice");
}
