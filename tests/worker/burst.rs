//! Working off what is due, and no more.

use std::time::Duration;

use pgjobs::{End, Worker};
use pgjobs_tests::Db;

use crate::tasks::{add, fail, grow};

#[tokio::test]
async fn a_burst_works_what_is_due_and_what_that_publishes_and_then_ends() {
    let db = Db::new().await;
    grow::publish(&db.pool, 6).await.unwrap();
    let report = Worker::new(db.pool.clone()).topic("tree.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, (1 << 7) - 1);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
}

#[tokio::test]
async fn a_burst_leaves_what_is_for_later() {
    let db = Db::new().await;
    add::publish(&db.pool, 1).delay(Duration::from_secs(3600)).await.unwrap();
    fail::publish(&db.pool, "retry_in".into()).await.unwrap();
    let report = Worker::new(db.pool.clone()).topic("math.*").topic("fail.*").burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.retried), (0, 1));
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 2);
}

#[tokio::test]
async fn several_bursts_share_the_work() {
    let db = Db::new().await;
    pgjobs::publish_all(&db.pool, (0..2000).map(add::new)).await.unwrap();
    let bursts: Vec<_> =
        (0..4).map(|_| tokio::spawn(Worker::new(db.pool.clone()).topic("math.*").burst().run())).collect();
    let mut sum = 0;
    for burst in bursts {
        sum += burst.await.unwrap().unwrap().succeeded;
    }
    assert_eq!(sum, 2000);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where attempt = 1").await, 2000);
}

#[tokio::test]
async fn a_burst_works_what_has_been_due_for_long_and_what_dead_workers_left() {
    let db = Db::with_clock().await;
    pgjobs::publish_all(&db.pool, (0..1500).map(add::new)).delay(Duration::from_secs(5)).await.unwrap();
    add::publish(&db.pool, 7).await.unwrap();
    assert_eq!(db.worker_with_lease(&["math.add"], 15).await.claim(1).await.len(), 1);
    db.advance(Duration::from_secs(60)).await; // beyond its lease, within the timeout of its job
    let report = Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, 1501);
}

#[tokio::test]
async fn a_report_tells_jobs_that_failed_from_runs_that_are_tried_again() {
    let db = Db::new().await;
    fail::publish(&db.pool, "once".into()).retries(1).await.unwrap();
    fail::publish(&db.pool, "fatal".into()).await.unwrap();
    fail::publish(&db.pool, "retry_in".into()).await.unwrap();
    let report = Worker::new(db.pool.clone()).topic("fail.*").burst().run().await.unwrap();
    assert_eq!((report.failed, report.retried), (2, 1));
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'failed'").await, 2);
}

/// The first claim stands still for so long, and its session does not notice that its client has gone: a server
/// process that is stopped, or a disk that does not answer.
async fn freeze_first_claim(db: &Db, seconds: u32) {
    db.run(&format!(
        "create sequence public.claims;
         create function public.stand_still() returns trigger language plpgsql as $$
         begin
           if nextval('public.claims') = 1 then
             perform set_config('client_connection_check_interval', '0', false);
             perform pg_sleep({seconds});
           end if;
           return new;
         end $$;
         create trigger stand_still before insert on jobs.batch for each row execute function public.stand_still()"
    ))
    .await;
}

#[tokio::test]
async fn a_burst_does_not_end_while_its_claim_is_unconfirmed() {
    let db = Db::new().await;
    freeze_first_claim(&db, 12).await;
    pgjobs::publish_all(&db.pool, (0..20).map(add::new)).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("math.*").concurrency(50);
    let report = worker.lease(Duration::from_secs(2)).burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.end), (20, End::Orderly));
}

#[tokio::test]
async fn a_burst_that_cannot_know_what_is_left_says_so() {
    let db = Db::new().await;
    freeze_first_claim(&db, 60).await;
    pgjobs::publish_all(&db.pool, (0..20).map(add::new)).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("math.*").concurrency(50);
    let report = worker.lease(Duration::from_secs(2)).burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.end), (0, End::Unfinished));
}
