//! When a call begins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pgjobs::{End, JobState};
use pgjobs_tests::{Db, Lateness, until};
use tokio::sync::Semaphore;

use crate::tasks::{Calls, double, five, gated, plain, worker};

const RUNNING: &str = "select count(*) from jobs.running";

#[tokio::test]
async fn a_full_call_begins_at_once_and_a_lone_job_waits_for_more() {
    let (db, calls) = (Db::new().await, Calls::default());
    let first = five::publish(&db.pool, 0).await.unwrap();
    let running = worker(&db, "many.five", &calls).start().await.unwrap();
    until("it is claimed", async || db.one::<i64>(RUNNING).await == 1).await;
    assert!(calls.seen().is_empty(), "it lingers for a minute");
    let begun = Instant::now();
    pgjobs::publish_all(&db.pool, (1..=4).map(five::new)).await.unwrap();
    first.wait(&db.pool).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(calls.seen(), [[0, 1, 2, 3, 4]]);
    running.shutdown().await;
}

#[tokio::test]
async fn a_lone_job_waits_no_longer_than_its_linger() {
    let lateness = Lateness::watch();
    let (db, calls) = (Db::new().await, Calls::default());
    let running = worker(&db, "many.double", &calls).start().await.unwrap();
    let published = Instant::now();
    let job = double::publish(&db.pool, 1).await.unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), 2);
    let took = published.elapsed();
    running.shutdown().await;
    println!("a lone job took {took:?} with a linger of 300 ms");
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < lateness.allow(Duration::from_millis(800)), "{took:?}");
}

#[tokio::test]
async fn a_call_has_no_more_jobs_than_the_worker_has_slots() {
    let (db, calls) = (Db::new().await, Calls::default());
    pgjobs::publish_all(&db.pool, (0..9).map(five::new)).await.unwrap();
    let begun = Instant::now();
    let report = worker(&db, "many.five", &calls).concurrency(3).burst().run().await.unwrap();
    assert_eq!(report.succeeded, 9);
    assert_eq!(calls.sizes(), [3, 3, 3]);
    assert!(begun.elapsed() < Duration::from_secs(30), "it waited for jobs that had no slot");
}

#[tokio::test]
async fn calls_stay_full_while_more_jobs_wait() {
    let (db, calls) = (Db::new().await, Calls::default());
    pgjobs::publish_all(&db.pool, (0..2000).map(five::new)).await.unwrap();
    let report = worker(&db, "many.five", &calls).concurrency(10).burst().run().await.unwrap();
    assert_eq!(report.succeeded, 2000);
    assert_eq!(calls.sizes(), [5; 400]);
}

#[tokio::test]
async fn jobs_that_gather_hold_up_no_other_task() {
    let (db, calls) = (Db::new().await, Calls::default());
    let waits = five::publish(&db.pool, 0).await.unwrap();
    let running =
        worker(&db, "many.five", &calls).concurrency(2).topic("single.plain").start().await.unwrap();
    until("it is claimed", async || db.one::<i64>(RUNNING).await == 1).await;
    for n in 0..20 {
        assert_eq!(plain::publish(&db.pool, n).await.unwrap().wait(&db.pool).await.unwrap(), n);
    }
    assert!(calls.seen().is_empty());
    running.shutdown().await;
    assert_eq!(waits.fetch(&db.pool).await.unwrap().state, JobState::Pending);
}

#[tokio::test]
async fn a_worker_that_ends_hands_back_what_it_gathers() {
    let (db, calls) = (Db::new().await, Calls::default());
    let jobs = pgjobs::publish_all(&db.pool, (0..3).map(five::new)).await.unwrap();
    let running = worker(&db, "many.five", &calls).start().await.unwrap();
    until("they are claimed", async || db.one::<i64>(RUNNING).await == 3).await;
    let begun = Instant::now();
    let report = running.shutdown().await;
    assert_eq!((report.released, report.succeeded, report.end), (3, 0, End::Orderly));
    assert!(begun.elapsed() < Duration::from_secs(20), "it waited for the linger");
    assert!(calls.seen().is_empty());
    let row = jobs[0].fetch(&db.pool).await.unwrap();
    assert_eq!((row.state, row.retries), (JobState::Pending, 0));
}

#[tokio::test]
async fn a_call_that_runs_may_finish_while_its_worker_ends() {
    let (db, calls) = (Db::new().await, Calls::default());
    pgjobs::publish_all(&db.pool, (1..=4).map(gated::new)).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let running = worker(&db, "many.gated", &calls).state(gate.clone()).start().await.unwrap();
    until("one call runs, and a job gathers", async || {
        calls.sizes() == [3] && db.one::<i64>(RUNNING).await == 4
    })
    .await;
    running.stop();
    until("what gathered is released", async || db.one::<i64>(RUNNING).await == 3).await;
    gate.add_permits(1);
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.released), (3, 1));
}

#[tokio::test]
async fn a_call_that_outlasts_the_grace_is_cut_off_and_handed_back() {
    let (db, calls) = (Db::new().await, Calls::default());
    pgjobs::publish_all(&db.pool, (1..=3).map(gated::new)).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let grace = Duration::from_millis(100);
    let running = worker(&db, "many.gated", &calls).state(gate.clone()).grace(grace).start().await.unwrap();
    until("it is called", async || calls.sizes() == [3]).await;
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.released), (0, 3));
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue where retries = 0").await, 3);
    // The call itself is dropped as well: nothing waits at the gate any more.
    gate.add_permits(1);
    until("the call is gone", async || Arc::strong_count(&gate) == 1).await;
    assert_eq!(gate.available_permits(), 1);
}

#[tokio::test]
async fn a_cancelled_job_that_gathers_gives_its_slot_back_at_once() {
    let (db, calls) = (Db::new().await, Calls::default());
    let waits = five::publish(&db.pool, 0).await.unwrap();
    let both = worker(&db, "many.five", &calls).concurrency(2).topic("many.gated");
    let running = both.grace(Duration::from_millis(10)).start().await.unwrap();
    until("it is claimed", async || db.one::<i64>(RUNNING).await == 1).await;
    pgjobs::admin::cancel(&db.pool, &[waits.id().clone()]).await.unwrap();
    let heard = "select count(*) from jobs.command where state = 'applied'";
    until("the worker has heard it", async || db.one::<i64>(heard).await == 1).await;
    let begun = Instant::now();
    pgjobs::publish_all(&db.pool, (1..=2).map(gated::new)).await.unwrap();
    until("both slots are taken, so they are called", async || calls.sizes() == [2]).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "it held its slot for the linger");
    running.shutdown().await;
}

#[tokio::test]
async fn a_worker_that_drains_waits_for_no_linger() {
    let (db, calls) = (Db::new().await, Calls::default());
    five::publish(&db.pool, 0).await.unwrap();
    let running = worker(&db, "many.five", &calls).start().await.unwrap();
    until("it is claimed", async || db.one::<i64>(RUNNING).await == 1).await;
    let begun = Instant::now();
    db.run("select jobs.control('drain', i_topic => '*')").await;
    let report = running.wait().await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!((report.released, report.end), (1, End::Orderly));
}
