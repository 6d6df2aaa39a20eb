//! The slots of a worker, which its servers share.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use pgjobs::Worker;
use pgjobs_tests::{Db, Lateness, until};

use crate::tasks::{Busy, databases, ended, sleep, wait};

fn worker([a, b, c]: &[Db; 3], busy: &Busy) -> Worker {
    let worker = Worker::new(a.pool.clone()).server_name("a");
    let worker = worker.server("b", b.pool.clone()).server("c", c.pool.clone());
    worker.topic("busy.*").concurrency(6).state(busy.clone())
}

const CLAIMED: &str = "select count(*) from jobs.running";

#[tokio::test]
async fn three_servers_claim_together_no_more_than_there_are_slots() {
    let (dbs, busy) = (databases::<3>().await, Busy::new());
    for db in &dbs {
        pgjobs::publish_all(&db.pool, (0..20).map(wait::new)).await.unwrap();
    }
    let running = worker(&dbs, &busy).start().await.unwrap();
    until("all slots are used", async || busy.now() == 6).await;
    for _ in 0..30 {
        let mut claimed = 0;
        for db in &dbs {
            claimed += db.one::<i64>(CLAIMED).await;
        }
        assert_eq!(claimed, 6, "what has no slot is left to other workers");
        tokio::time::sleep(Duration::from_millis(20)).await; // it looks again meanwhile
    }
    busy.door.add_permits(60);
    until("all have ended", async || running.report().succeeded == 60).await;
    assert_eq!(busy.most.load(SeqCst), 6);
    let reports = running.server_reports();
    let names: Vec<_> = reports.iter().map(|(name, report)| (&**name, report.succeeded)).collect();
    assert_eq!(names, [("a", 20), ("b", 20), ("c", 20)]);
    running.shutdown().await;
}

#[tokio::test]
async fn a_long_queue_at_one_server_does_not_starve_another() {
    let (dbs, busy, lateness) = (databases::<3>().await, Busy::new(), Lateness::watch());
    pgjobs::publish_all(&dbs[0].pool, (0..20_000).map(|_| sleep::new(30))).await.unwrap();
    let running = worker(&dbs, &busy).start().await.unwrap();
    until("it works at the first", async || running.report().succeeded >= 20).await;
    let jobs = pgjobs::publish_all(&dbs[1].pool, (0..30).map(|_| sleep::new(30))).await.unwrap();
    for job in jobs {
        job.wait_for(&dbs[1].pool, lateness.allow(Duration::from_secs(5))).await.unwrap();
    }
    let reports = running.server_reports();
    assert_eq!(reports[1].1.succeeded, 30);
    assert!(reports[0].1.succeeded < 1000, "the first has far more: {}", reports[0].1.succeeded);
    drop(running);
}

#[tokio::test]
async fn servers_with_long_queues_have_equal_parts_of_the_slots() {
    let (dbs, busy) = (databases::<3>().await, Busy::new());
    for db in &dbs {
        pgjobs::publish_all(&db.pool, (0..5000).map(|_| sleep::new(20))).await.unwrap();
    }
    let running = worker(&dbs, &busy).start().await.unwrap();
    until("it has worked a while", async || running.report().succeeded >= 600).await;
    for (name, report) in running.server_reports() {
        assert!((120..=320).contains(&report.succeeded), "{name}: {} of 600", report.succeeded);
    }
    assert_eq!(busy.most.load(SeqCst), 6, "no slot was left unused, and none used twice");
    drop(running);
}

#[tokio::test]
async fn a_task_gets_the_pool_of_the_server_of_its_job() {
    let dbs = databases::<3>().await;
    for (n, db) in (0..).zip(&dbs) {
        db.run("create table runs (n bigint)").await;
        crate::tasks::once::publish(&db.pool, n, 0).await.unwrap();
    }
    let [a, b, c] = &dbs;
    let worker = Worker::new(a.pool.clone()).server("b", b.pool.clone()).server("c", c.pool.clone());
    let report = worker.topic("once.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, 3);
    for (n, db) in (0..).zip(&dbs) {
        assert_eq!((db.all::<i64>("select n from runs").await, ended(db).await), (vec![n], 1));
    }
}

#[tokio::test]
async fn slots_and_drain_are_commands_to_the_worker_pause_to_a_server() {
    let (dbs, busy) = (databases::<3>().await, Busy::new());
    for db in &dbs {
        pgjobs::publish_all(&db.pool, (0..20).map(wait::new)).await.unwrap();
    }
    let running = worker(&dbs, &busy).start().await.unwrap();
    until("all slots are used", async || busy.now() == 6).await;
    dbs[0].run("select jobs.control('slots', i_topic => '*', i_details => '{\"slots\": 9}')").await;
    until("there are more", async || busy.now() == 9).await;
    let slots = "select slots from jobs.worker";
    until("all know it", async || dbs[1].one::<i32>(slots).await == 9 && dbs[2].one::<i32>(slots).await == 9)
        .await;
    dbs[1].run("select jobs.control('pause', i_topic => '*')").await;
    until("it is paused", async || {
        dbs[1].one::<bool>("select bool_and(w.paused_at is not null) from jobs.workers() w").await
    })
    .await;
    assert!(!dbs[0].one::<bool>("select bool_or(w.paused_at is not null) from jobs.workers() w").await);
    dbs[2].run("select jobs.control('drain', i_topic => '*')").await;
    until("it drains", async || {
        dbs[0].one::<bool>("select bool_and(w.paused_at is not null) from jobs.workers() w").await
    })
    .await;
    assert_eq!(busy.now(), 9, "what runs goes on");
    busy.door.add_permits(9);
    let report = running.wait().await;
    assert_eq!((report.succeeded, report.released), (9, 0));
}
