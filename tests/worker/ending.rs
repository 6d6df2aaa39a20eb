//! How a worker ends.

use std::time::Duration;

use pgjobs::{End, Worker};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::PgPool;

use crate::tasks::{Gate, pass};

async fn at_the_gate(db: &Db, jobs: i64, slots: usize, grace: Duration) -> (Gate, pgjobs::WorkerHandle) {
    let gate = Gate::new();
    pgjobs::publish_all(&db.pool, (0..jobs).map(pass::new)).await.unwrap();
    let worker =
        Worker::new(db.pool.clone()).topic("gate.*").concurrency(slots).state(gate.clone()).grace(grace);
    let running = worker.start().await.unwrap();
    gate.entered(slots).await;
    (gate, running)
}

#[tokio::test]
async fn running_jobs_finish_within_the_grace_period_and_the_rest_is_released() {
    let db = Db::new().await;
    let (gate, running) = at_the_gate(&db, 10, 3, Duration::from_secs(30)).await;
    running.stop();
    gate.door.add_permits(3);
    let report = running.wait().await;
    assert_eq!((report.succeeded, report.lost), (3, 0));
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue where run_at is null and retries = 0").await,
        7
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 0);
}

#[tokio::test]
async fn jobs_that_do_not_finish_in_time_are_stopped_and_released_uncharged() {
    let db = Db::new().await;
    let (gate, running) = at_the_gate(&db, 3, 3, Duration::from_millis(50)).await;
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.released), (0, 3));
    assert_eq!(
        db.one::<i64>(
            "select count(*) from jobs.job_queue where run_at is null and retries = 0 and attempt = 1"
        )
        .await,
        3
    );
    // They run again at once elsewhere.
    gate.door.add_permits(3);
    let again = Worker::new(db.pool.clone()).topic("gate.*").state(gate).burst().run().await.unwrap();
    assert_eq!(again.succeeded, 3);
}

#[tokio::test]
async fn outcomes_that_never_reach_the_database_are_not_reported_as_done() {
    let (db, gate) = (Db::new().await, Gate::new());
    let proxy = Proxy::before(&db);
    pgjobs::publish_all(&db.pool, (0..3).map(pass::new)).await.unwrap();
    let pool = PgPool::connect_with(proxy.options(&db)).await.unwrap();
    let worker = Worker::new(pool).topic("gate.*").concurrency(3).state(gate.clone());
    let running = worker.grace(Duration::from_secs(1)).start().await.unwrap();
    gate.entered(3).await;
    proxy.set_up(false);
    gate.door.add_permits(2);
    until("two have succeeded", async || running.report().succeeded == 2).await;
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.released, report.end), (0, 0, End::Unfinished));
    assert_eq!((report.unsettled, report.lost), (3, 0));
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 3);
}

#[tokio::test]
async fn dropping_the_handle_ends_the_worker_too() {
    let db = Db::new().await;
    let running = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    drop(running);
    pgjobs_tests::until("the worker left", async || {
        pgjobs::inspect::workers(&db.pool).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_worker_ends_though_the_database_does_not_answer_its_claim() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("math.*").grace(Duration::from_millis(200));
    let running = worker.poll(Duration::from_millis(10)).start().await.unwrap();
    let claims =
        "from pg_stat_activity where application_name = 'pgjobs claim' and datname = current_database()";
    let connected = format!("select exists (select {claims})");
    until("it has connected for its claims", async || db.one::<bool>(&connected).await).await;
    let backend: i32 = db.one(&format!("select pid {claims}")).await;
    signal(backend, "-STOP"); // a server that hangs: the connection stays, no answer comes
    // Ten polls: by now a claim is on its way, and it makes no difference whether it was a little later.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let report = tokio::time::timeout(Duration::from_secs(60), running.shutdown()).await;
    signal(backend, "-CONT");
    assert!(report.is_ok(), "it did not end");
}

fn signal(pid: i32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {pid}");
}
