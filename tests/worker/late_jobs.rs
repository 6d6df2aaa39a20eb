//! Jobs that become ready late, or before others, while a worker works through a queue.

use std::time::Duration;

use pgjobs::{Worker, WorkerHandle};
use pgjobs_tests::{Db, Lateness, until};
use sqlx::{Connection, Executor, PgConnection};

use crate::tasks::add;

const SOON: Duration = Duration::from_secs(10);

/// A session with an old snapshot, which makes a worker rely on its watermarks.
async fn old_snapshot(db: &Db) -> PgConnection {
    let mut session = db.connect().await;
    session.execute("begin isolation level repeatable read; select count(*) from pg_class").await.unwrap();
    session
}

/// A worker that has worked through a queue of ten thousand jobs.
async fn worker_behind_many_jobs(db: &Db) -> WorkerHandle {
    let running = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    for _ in 0..5 {
        pgjobs::publish_all(&db.pool, (0..2000).map(add::new)).await.unwrap();
    }
    until("all have ended", async || db.one::<i64>("select count(*) from jobs.job").await == 10_000).await;
    running
}

#[tokio::test]
async fn a_job_committed_late_runs_soon_behind_an_old_snapshot() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let _snapshot = old_snapshot(&db).await;
    let mut late = db.connect().await;
    let mut publishing = late.begin().await.unwrap();
    let job = add::publish(&mut *publishing, 1).await.unwrap();
    let running = worker_behind_many_jobs(&db).await;
    publishing.commit().await.unwrap();
    job.wait_for(&db.pool, lateness.allow(SOON)).await.unwrap();
    running.shutdown().await;
}

#[tokio::test]
async fn an_urgent_job_runs_soon_before_many_others() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let _snapshot = old_snapshot(&db).await;
    let running = worker_behind_many_jobs(&db).await;
    let others = pgjobs::publish_all(&db.pool, (0..5000).map(add::new)).await.unwrap();
    let urgent = add::publish(&db.pool, 2).priority(5).await.unwrap();
    urgent.wait_for(&db.pool, lateness.allow(SOON)).await.unwrap();
    others.last().unwrap().wait_for(&db.pool, lateness.allow(SOON)).await.unwrap();
    running.shutdown().await;
}
