//! Jobs that come to the line late, or before others, while a worker works its way along it.

use std::time::Duration;

use pgjobs::Worker;
use pgjobs_tests::{Db, Lateness, until};
use sqlx::Connection;

use crate::tasks::add;

const SOON: Duration = Duration::from_secs(10);

/// A session that holds an old snapshot makes the worker rely on its marks.
#[tokio::test]
async fn what_is_committed_late_more_urgent_or_given_back_is_run_soon_behind_a_pinned_snapshot() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let soon = || lateness.allow(SOON);
    let mut pinning = db.connect().await;
    let mut snapshot = pinning.begin_with("begin isolation level repeatable read").await.unwrap();
    sqlx::query("select count(*) from pg_class").execute(&mut *snapshot).await.unwrap();
    let mut late = db.connect().await;
    let mut holding = late.begin().await.unwrap();
    let held_back = add::publish(&mut *holding, 1).await.unwrap();
    let running = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    for _ in 0..5 {
        pgjobs::publish_all(&db.pool, (0..2000).map(add::new)).await.unwrap();
    }
    until("the line is worked off", async || db.one::<i64>("select count(*) from jobs.job").await == 10_000)
        .await;
    holding.commit().await.unwrap();
    held_back.wait_for(&db.pool, soon()).await.unwrap();
    let backlog = pgjobs::publish_all(&db.pool, (0..5000).map(add::new)).await.unwrap();
    let urgent = add::publish(&db.pool, 2).priority(5).await.unwrap();
    urgent.wait_for(&db.pool, soon()).await.unwrap();
    backlog.last().unwrap().wait_for(&db.pool, soon()).await.unwrap();
    running.shutdown().await;
    snapshot.rollback().await.unwrap();
}
