//! The network between a worker and the database fails.

use std::time::Duration;

use pgjobs::{NewJob, Worker};
use pgjobs_tests::{Db, Lateness, Proxy, until};
use sqlx::PgPool;

use crate::tasks::{Gate, add, pass};

#[tokio::test]
async fn jobs_of_an_unconfirmed_claim_are_released_at_once_uncharged() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let proxy = Proxy::before(&db);
    let pool = PgPool::connect_with(proxy.options(&db)).await.unwrap();
    let running = Worker::new(pool).topic("math.*").concurrency(50).start().await.unwrap();
    add::publish(&db.pool, 0).await.unwrap().wait(&db.pool).await.unwrap();
    proxy.swallow_next_claim();
    let call = |n: i64| add::new(n);
    let jobs =
        pgjobs::publish_all(&db.pool, (0..50).map(call)).timeout(Duration::from_secs(3600)).await.unwrap();
    proxy.swallowed().await;
    for job in jobs {
        job.wait_for(&db.pool, lateness.allow(Duration::from_secs(10))).await.unwrap();
    }
    let twice: i64 = db.one("select count(*) from jobs.job where attempt = 2 and retries = 0").await;
    assert!(twice > 0, "the jobs of the lost answer were claimed twice and charged never");
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'success'").await, 51);
    running.shutdown().await;
}

#[tokio::test]
async fn workers_do_not_declare_each_other_dead_after_a_long_outage() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    let gate = Gate::new();
    for n in 0..4 {
        NewJob::named("gate.pass").arg(n).retries(1).publish(&db.pool).await.unwrap();
    }
    let mut workers = Vec::new();
    for _ in 0..2 {
        let pool = PgPool::connect_with(proxy.options(&db)).await.unwrap();
        let worker = Worker::new(pool).topic("gate.*").concurrency(2).lease(Duration::from_secs(2));
        workers.push(worker.state(gate.clone()).start().await.unwrap());
    }
    gate.entered(4).await;
    proxy.set_up(false);
    until("every lease has run out", async || {
        db.one::<bool>("select bool_and(expires_at < now() - interval '1 second') from jobs.worker").await
    })
    .await;
    proxy.set_up(true);
    until("all are back", async || {
        db.one::<bool>("select count(*) = 2 and bool_and(expires_at > now()) from jobs.worker").await
    })
    .await;
    gate.door.add_permits(4);
    until("all ended", async || db.one::<i64>("select count(*) from jobs.job").await == 4).await;
    let others: Option<String> = db
        .one(
            "select string_agg(format('%s, run %s: %s', j.status, j.attempt, j.traceback), '; ') from jobs.job j
             where j.status <> 'success' or j.attempt <> 1",
        )
        .await;
    assert_eq!(others, None);
    for worker in workers {
        worker.shutdown().await;
    }
}

#[tokio::test]
async fn outcomes_of_an_outage_are_settled_after_it() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    let gate = Gate::new();
    let pool = PgPool::connect_with(proxy.options(&db)).await.unwrap();
    let running = Worker::new(pool).topic("gate.*").state(gate.clone()).start().await.unwrap();
    let jobs = pgjobs::publish_all(&db.pool, (0..5).map(pass::new)).await.unwrap();
    gate.entered(5).await;
    proxy.set_up(false);
    gate.door.add_permits(5);
    until("they gave their outcomes", async || running.report().succeeded == 5).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 0);
    proxy.set_up(true);
    for job in jobs {
        job.wait(&db.pool).await.unwrap();
    }
    assert_eq!(running.shutdown().await.lost, 0);
}
