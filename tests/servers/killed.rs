//! One of three servers is killed under load and comes back.

use std::time::{Duration, Instant};

use pgjobs::{Worker, WorkerHandle};
use pgjobs_tests::{CustomServer, Db, amount, until};

use crate::tasks::once;

/// At each server; each takes [`MILLIS`] in one of [`SLOTS`] slots.
const JOBS: u32 = amount(1500, 16_000);
const MILLIS: u64 = 50;
const SLOTS: usize = 12;
/// How long each rate is measured, in seconds.
const TIME: u32 = amount(4, 60);
/// Of their rate before, in hundredths, what the others keep at least; a few seconds of a busy machine say less.
const KEPT: u32 = amount(80, 95);

#[tokio::test(flavor = "multi_thread")]
async fn the_others_keep_their_rate_while_one_is_killed_and_nothing_is_lost() {
    let mut servers =
        [CustomServer::start(&[]).await, CustomServer::start(&[]).await, CustomServer::start(&[]).await];
    let dbs = [servers[0].db().await, servers[1].db().await, servers[2].db().await];
    for db in &dbs {
        db.run("create table runs (n bigint)").await;
        pgjobs::publish_all(&db.pool, (0..JOBS).map(|n| once::new(n.into(), MILLIS))).await.unwrap();
    }
    let running = start(&dbs).await;
    until("all are at work", async || running.server_reports().iter().all(|(_, one)| one.succeeded > 20))
        .await;
    let before = rate(&running).await;
    servers[2].kill().await;
    let meanwhile = rate(&running).await;
    servers[2].start_again().await;
    println!("jobs a second at the two others: {before:.0} before, {meanwhile:.0} meanwhile");
    assert!(meanwhile * 100.0 >= before * f64::from(KEPT), "{meanwhile} jobs a second instead of {before}");
    for db in &dbs {
        until("all its jobs have run", async || {
            let ended = sqlx::query_scalar("select count(*) from jobs.job where status = 'success'");
            ended.fetch_one(&db.pool).await.unwrap_or(0) == i64::from(JOBS)
        })
        .await;
        let once: (i64, i64) =
            sqlx::query_as("select count(*), count(distinct n) from runs").fetch_one(&db.pool).await.unwrap();
        assert_eq!(once, (JOBS.into(), JOBS.into()), "none lost, none twice");
    }
    running.shutdown().await;
}

async fn start([a, b, c]: &[Db; 3]) -> WorkerHandle {
    let worker = Worker::new(a.pool.clone()).server("b", b.pool.clone()).server("c", c.pool.clone());
    worker.topic("once.*").concurrency(SLOTS).lease(Duration::from_secs(3)).start().await.unwrap()
}

/// What the first two servers together do in a second.
async fn rate(running: &WorkerHandle) -> f64 {
    let done = || running.server_reports()[..2].iter().map(|(_, one)| one.succeeded).sum::<u64>();
    let (before, begun) = (done(), Instant::now());
    tokio::time::sleep(Duration::from_secs(TIME.into())).await;
    (done() - before) as f64 / begun.elapsed().as_secs_f64()
}
