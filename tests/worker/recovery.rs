//! Trouble with the database, and workers that die or seem to.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pgjobs::Worker;
use pgjobs::define::TaskDef;
use pgjobs_tests::{Db, Lateness, until};

use crate::tasks::{Gate, add, mark, pass};

#[tokio::test]
async fn a_worker_survives_the_loss_of_all_its_connections() {
    let db = Db::new().await;
    db.run("create table runs (n bigint)").await;
    let running = Worker::new(db.pool.clone()).topic("mark.*").topic("math.*").start().await.unwrap();
    for round in 0..5 {
        pgjobs::publish_all(&db.pool, (0..200).map(|n| mark::new(round * 200 + n)).collect::<Vec<_>>())
            .await
            .unwrap();
        db.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'pgjobs %' and datname = current_database()").await;
    }
    until("all ran", async || {
        db.one::<i64>("select count(*) from jobs.job where status = 'success'").await == 1000
    })
    .await;
    assert_eq!(db.one::<i64>("select count(distinct n) from runs").await, 1000);
    assert_eq!(add::publish(&db.pool, 1).await.unwrap().wait(&db.pool).await.unwrap(), 11);
    running.shutdown().await;
}

#[tokio::test]
async fn a_worker_declared_dead_loses_its_outcomes_and_registers_anew() {
    let db = Db::new().await;
    let gate = Gate::new();
    pgjobs::publish_all(&db.pool, (0..5).map(pass::new)).await.unwrap();
    let worker = Worker::new(db.pool.clone())
        .topic("gate.*")
        .concurrency(5)
        .lease(Duration::from_secs(3))
        .state(gate.clone());
    let running = worker.start().await.unwrap();
    gate.entered(5).await;
    // As a sweep does that found its heartbeat too old; in one transaction, so that no heartbeat comes between.
    db.run("update jobs.worker set expires_at = now() - interval '1 second'; create table swept as select jobs.sweep() as jobs").await;
    assert_eq!(db.one::<i32>("select jobs from swept").await, 5);
    gate.entered(10).await; // the same jobs, claimed anew
    gate.door.add_permits(10);
    until("all ended", async || {
        db.one::<i64>("select count(*) from jobs.job where status = 'success' and attempt = 2").await == 5
    })
    .await;
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.lost), (5, 5));
    assert_eq!(gate.entered.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_with_a_long_queue_works_on() {
    let db = Db::new().await;
    db.run("create table runs (n bigint)").await;
    pgjobs::publish_all(&db.pool, (0..4000).map(mark::new)).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("mark.*").concurrency(2).lease(Duration::from_secs(1));
    let running = worker.start().await.unwrap();
    until("it is under way", async || running.report().succeeded > 200).await;
    db.run("update jobs.worker set expires_at = now() - interval '1 second'; select jobs.sweep(10000)").await;
    until("all ended", async || {
        db.one::<i64>("select count(*) from jobs.job where status = 'success'").await == 4000
    })
    .await;
    let report =
        tokio::time::timeout(Duration::from_secs(60), running.shutdown()).await.expect("it ends at once");
    assert!(report.lost > 0, "{report:?}");
}

#[tokio::test]
async fn a_locked_job_does_not_delay_the_outcomes_of_others() {
    use sqlx::{Connection, Executor};
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let held = add::publish(&db.pool, 0).delay(Duration::from_millis(1)).await.unwrap();
    let mut other = db.connect().await;
    let running = Worker::new(db.pool.clone()).topic("gate.*").topic("math.*").state(Gate::new());
    let gate = Gate::new();
    let running = running.state(gate.clone()).start().await.unwrap();
    held.wait(&db.pool).await.unwrap();
    let first = pass::publish(&db.pool, 1).await.unwrap();
    gate.entered(1).await;
    let mut holding = other.begin().await.unwrap();
    sqlx::query("select 1 from jobs.batch where first_job <= $1 and last_job >= $1 for update")
        .bind(first.id().as_str())
        .execute(&mut *holding)
        .await
        .unwrap();
    gate.door.add_permits(1); // its outcome now meets the held row
    for n in 0..20 {
        let limit = lateness.allow(Duration::from_secs(5));
        add::publish(&db.pool, n).await.unwrap().wait_for(&db.pool, limit).await.unwrap();
    }
    holding.execute("select 1").await.unwrap();
    holding.rollback().await.unwrap();
    assert_eq!(first.wait(&db.pool).await.unwrap(), 1);
    assert_eq!(running.shutdown().await.lost, 0);
}

#[tokio::test]
async fn a_dead_workers_jobs_are_requeued_and_its_claims_refused() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["math.add"], 15).await;
    pgjobs::publish_all(&db.pool, (0..5).map(add::new)).await.unwrap();
    assert_eq!(worker.claim(5).await.len(), 5);
    db.advance(Duration::from_secs(14)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 0, "its lease is live");
    db.advance(Duration::from_secs(2)).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.expired").await, 5);
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 5);
    assert_eq!(worker.claim(5).refusal().await, "PT410");
    assert!(!worker.heartbeat().await);
}

#[tokio::test]
async fn a_dead_workers_jobs_run_again_and_its_outcomes_are_lost() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["math.add"], 15).await;
    pgjobs::publish_all(&db.pool, (0..5).map(add::new)).await.unwrap();
    let claimed = worker.claim(5).await;
    db.advance(Duration::from_secs(16)).await;
    let report = Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, 5);
    assert_eq!(db.settle("success", &claimed.jobs).await, ["lost"; 5]);
}

#[tokio::test]
async fn a_sweep_passes_over_a_worker_whose_claim_is_under_way() {
    use sqlx::Connection;
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["math.add"], 15).await;
    add::publish(&db.pool, 1).await.unwrap();
    db.advance(Duration::from_secs(16)).await;
    let mut session = db.connect().await;
    let mut claiming = session.begin().await.unwrap();
    assert_eq!(worker.claim(5).on(&mut claiming).await.len(), 1);
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 0);
    claiming.commit().await.unwrap();
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 1, "what it claimed is found by the next sweep");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_every_thread_does_not_make_the_worker_look_dead() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone())
        .topic("block.*")
        .concurrency(4)
        .lease(Duration::from_secs(2))
        .task(&BLOCK);
    for _ in 0..4 {
        pgjobs::NewJob::named("block.threads").publish(&db.pool).await.unwrap();
    }
    let report = worker.burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.lost), (4, 0));
    // What had not begun was released meanwhile, and nothing was charged.
    assert_eq!(db.one::<i32>("select max(retries) from jobs.job").await, 0);
}

/// Blocks its thread for longer than the lease; written by hand, as a task may be.
static BLOCK: TaskDef = TaskDef::new("block.threads", |context| {
    Box::pin(async move {
        std::thread::sleep(Duration::from_secs(5));
        context.finish(())
    })
});
