//! What a worker needs to start, and says when it does not get it.

use std::time::{Duration, Instant};

use pgjobs::{Error, Worker};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::PgPool;

use crate::tasks::add;

/// A worker of a role that may have so many connections.
async fn limited(db: &Db, connections: u32) -> Result<pgjobs::WorkerHandle, Error> {
    let role = format!("few_{connections}_{}", std::process::id());
    db.run(&format!(
        "create role {role} login connection limit {connections} in role jobs_worker, jobs_publisher, jobs_reader"
    ))
    .await;
    let pool = PgPool::connect_lazy_with(db.options().username(&role));
    Worker::new(pool).topic("math.*").poll(Duration::from_millis(50)).start().await
}

#[tokio::test]
async fn a_worker_opens_the_connections_that_it_needs_or_does_not_start() {
    let db = Db::new().await;
    for connections in [1, 2] {
        let Err(error) = limited(&db, connections).await else { panic!("it started with {connections}") };
        let said = format!("a worker needs 3 connections of its own, got {connections}");
        assert!(error.to_string().contains(&said), "{error}");
        assert!(matches!(error, Error::TooFewConnections { .. }));
    }
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.worker").await,
        0,
        "one that did not start is registered"
    );
    // The fourth is for being woken, and does without.
    let worker = limited(&db, 3).await.unwrap();
    for n in 0..20 {
        add::publish(&db.pool, n).await.unwrap().wait_for(&db.pool, Duration::from_secs(10)).await.unwrap();
    }
    let beat = "select heartbeat_at > started_at from jobs.worker";
    until("it gives signs of life", async || db.one::<bool>(beat).await).await;
    assert_eq!(worker.shutdown().await.succeeded, 20);
}

#[tokio::test]
async fn a_worker_whose_pool_is_closed_ends() {
    let db = Db::new().await;
    let pool = PgPool::connect_with(db.options()).await.unwrap();
    let worker = Worker::new(pool.clone()).topic("math.*").start().await.unwrap();
    pool.close().await;
    let ended = tokio::time::timeout(Duration::from_secs(5), worker.wait()).await;
    assert!(ended.is_ok(), "it goes on with a pool that is closed");
}

#[tokio::test]
async fn a_worker_on_a_closed_pool_does_not_start() {
    let db = Db::new().await;
    db.pool.close().await;
    let Err(error) = Worker::new(db.pool.clone()).topic("math.*").start().await else { panic!("it started") };
    assert!(error.to_string().contains("`pool`: it is closed already"), "{error}");
}

#[tokio::test]
async fn no_session_outlives_what_its_worker_waits_for() {
    use sqlx::Executor;
    let db = Db::new().await;
    let worker =
        Worker::new(db.pool.clone()).topic("math.*").lease(Duration::from_secs(1)).start().await.unwrap();
    let mut other = db.connect().await;
    // The worker may have the one and want the other at this moment: then it goes first.
    while other.execute("begin; lock table jobs.pending, jobs.worker").await.is_err() {
        other.execute("rollback").await.unwrap();
    }
    let begun = Instant::now();
    let mut most = 0;
    while begun.elapsed() < Duration::from_secs(12) {
        let sessions = "select count(*) from pg_stat_activity where application_name like 'pgjobs %' and datname = current_database()";
        most = most.max(db.one::<i64>(sessions).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    other.execute("rollback").await.unwrap();
    // Four, one for retention, and some that the server has not closed yet.
    assert!(most <= 8, "{most} sessions");
    add::publish(&db.pool, 1).await.unwrap().wait_for(&db.pool, Duration::from_secs(20)).await.unwrap();
    worker.shutdown().await;
}

#[tokio::test]
async fn sessions_of_a_worker_are_set_up_by_itself() {
    let db = Db::new().await;
    let name: String = db.one("select current_database()::text").await;
    db.run(&format!(
        "alter database {name} set default_transaction_isolation = 'serializable';
         alter database {name} set statement_timeout = '20ms'; alter database {name} set lock_timeout = '1ms';
         alter database {name} set idle_in_transaction_session_timeout = '1ms';
         alter database {name} set search_path = jobs, public"
    ))
    .await;
    let tomorrow = "'jobs.job_' || to_char((now() at time zone 'utc')::date + 1, 'YYYYMMDD')";
    db.run(&format!("do $$ begin execute 'drop table ' || {tomorrow}; end $$")).await;
    let worker = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    let unbounded = db.options().options([("statement_timeout", "0"), ("lock_timeout", "0")]);
    let pool = PgPool::connect_with(unbounded).await.unwrap();
    let jobs = pgjobs::publish_all(&pool, (0..200).map(add::new)).await.unwrap();
    for job in jobs {
        job.wait_for(&pool, Duration::from_secs(10)).await.unwrap();
    }
    let is_made = format!("select to_regclass({tomorrow}) is not null");
    until("history is kept in shape", async || db.one::<bool>(&is_made).await).await;
    assert_eq!(worker.shutdown().await.lost, 0);
}

#[tokio::test]
async fn tasks_are_declared_anew_when_the_schema_was_made_anew() {
    let db = Db::new().await;
    let worker =
        Worker::new(db.pool.clone()).topic("math.*").lease(Duration::from_secs(1)).start().await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.task").await, 1);
    db.run("drop schema jobs cascade").await;
    pgjobs::migrate(&db.pool).await.unwrap();
    until("the task is declared", async || db.one::<i64>("select count(*) from jobs.task").await == 1).await;
    add::publish(&db.pool, 1).await.unwrap().wait_for(&db.pool, Duration::from_secs(20)).await.unwrap();
    worker.shutdown().await;
}

/// However many servers may be the primary, each has the time that a connection takes.
#[tokio::test]
async fn a_worker_far_away_opens_a_lost_connection_anew() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    proxy.set_delay(250);
    let pool = PgPool::connect_with(proxy.options(&db)).await.unwrap();
    let worker = (0..12).fold(Worker::new(pool), |worker, _| worker.fallback(proxy.options(&db)));
    let worker = worker.topic("math.*").start().await.unwrap();
    let sessions = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where application_name in ('pgjobs heartbeat', 'pgjobs listen') and datname = current_database()";
    let listens = "select exists (select from pg_stat_activity
                   where application_name = 'pgjobs listen' and datname = current_database())";
    until("it listens", async || db.one::<bool>(listens).await).await;
    db.one::<i64>(sessions).await;
    let begun = Instant::now();
    db.run("create table beats as select heartbeat_at from jobs.worker").await;
    let beats = "select w.heartbeat_at > b.heartbeat_at from jobs.worker w, beats b";
    while !db.one::<bool>(beats).await {
        assert!(begun.elapsed() < Duration::from_secs(30), "no sign of life since its session ended");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    worker.shutdown().await;
}
