//! What waiting costs, and what it survives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pgjobs::{Error, JobHandle, NewJob};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinSet;

use crate::tasks::add;

/// A pool that counts how often a connection is asked of it.
fn counted(options: PgConnectOptions) -> (PgPool, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = || {
        let asked = Arc::clone(&asked);
        move || asked.fetch_add(1, Ordering::SeqCst)
    };
    let (made, taken) = (count(), count());
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .after_connect(move |_, _| {
            made();
            Box::pin(async { Ok(()) })
        })
        .before_acquire(move |_, _| {
            taken();
            Box::pin(async { Ok(true) })
        })
        .connect_lazy_with(options);
    (pool, asked)
}

/// The median of a statement on the pool.
async fn median(pool: &PgPool) -> Duration {
    let mut times = Vec::new();
    for _ in 0..201 {
        let began = Instant::now();
        sqlx::query("select 1").execute(pool).await.unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    times[100]
}

/// So many that wait for jobs which end in the end.
async fn wait_for_many(db: &Db, pool: &PgPool, number: i64) -> JoinSet<Result<i64, Error>> {
    let jobs = pgjobs::publish_all(&db.pool, (0..number).map(add::new)).await.unwrap();
    let mut waiting = JoinSet::new();
    for job in jobs {
        let pool = pool.clone();
        waiting.spawn(async move { job.wait(&pool).await });
    }
    until("somebody looks for them", async || {
        db.one::<bool>("select exists (select from pg_stat_activity where application_name = 'pgjobs wait' and datname = current_database())").await
    })
    .await;
    waiting
}

/// Ends a job after the other, each in a statement of its own.
async fn end_others(db: &Db, number: usize) {
    for _ in 0..number {
        NewJob::named("other.job").publish(&db.pool).await.unwrap();
        db.run("select jobs.ack(c.job_id, null, c.lease) from jobs.consume('other.*', 1) c").await;
    }
}

/// A claim of a plain client takes what it finds in one row.
async fn end_all(db: &Db) {
    while db.one::<i64>("select count(*) from jobs.job_queue").await > 0 {
        db.run("select jobs.ack(c.job_id, '7', c.lease) from jobs.consume('math.*', 1000) c").await;
    }
}

async fn calls(db: &Db, function: &str) -> i64 {
    db.one(&format!(
        "select coalesce(sum(calls), 0)::bigint from pg_stat_user_functions where schemaname = 'jobs' and funcname = '{function}'"
    ))
    .await
}

async fn own_connections(db: &Db) -> i64 {
    db.one("select count(*) from pg_stat_activity where application_name = 'pgjobs wait' and datname = current_database()")
        .await
}

#[tokio::test]
async fn all_who_wait_share_one_query_and_none_takes_from_the_pool() {
    let db = Db::new().await;
    db.run("do $$ begin execute format('alter database %I set track_functions = ''pl''', current_database()); end $$")
        .await;
    let (pool, asked) = counted(db.options());
    let without = median(&pool).await;
    asked.store(0, Ordering::SeqCst);
    let mut waiting = wait_for_many(&db, &pool, 500).await;
    let began = Instant::now();
    end_others(&db, 100).await;
    tokio::time::sleep(Duration::from_millis(2500).saturating_sub(began.elapsed())).await;
    assert_eq!(own_connections(&db).await, 1);
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody asked the pool for a connection");
    let (with, ()) = tokio::join!(median(&pool), end_others(&db, 50));
    println!("select 1: {without:?} without, {with:?} beside 500 that wait and others that end");
    asked.store(0, Ordering::SeqCst);
    let took = began.elapsed();
    end_all(&db).await;
    while let Some(result) = waiting.join_next().await {
        assert_eq!(result.unwrap().unwrap(), 7);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    until("the one connection is gone, and its figures are there", async || own_connections(&db).await == 0)
        .await;
    let looks = calls(&db, "results").await;
    // One at most in 20 ms, and a few for those who come one after another.
    let most = i64::try_from(took.as_millis()).unwrap() / 20 + 50;
    println!("{looks} looks for 500 in {took:?}, of at most {most}");
    assert!((3..=most).contains(&looks), "{looks} looks in {took:?}");
    assert_eq!(calls(&db, "result").await, 0);
}

#[tokio::test]
async fn a_restart_of_the_server_is_waited_out() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_millis(300))
        .connect_lazy_with(proxy.options(&db));
    let mut waiting = wait_for_many(&db, &pool, 3).await;
    proxy.set_up(false);
    let job = add::publish(&db.pool, 1).await.unwrap();
    let began = Instant::now();
    let late = job.wait_for(&pool, Duration::from_secs(2)).await;
    assert!(matches!(late, Err(Error::WaitTimeout(_))), "{late:?}");
    assert!((1.9..3.0).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
    end_all(&db).await;
    proxy.set_up(true);
    while let Some(result) = waiting.join_next().await {
        assert_eq!(result.unwrap().unwrap(), 7);
    }
    db.run("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .await;
    assert_eq!(job.wait(&pool).await.unwrap(), 7);
}

#[tokio::test]
async fn without_a_connection_of_its_own_one_who_waits_asks_for_all() {
    let db = Db::new().await;
    let role = format!("few_{}", db.one::<String>("select current_database()::text").await);
    db.run(&format!("create role {role} login connection limit 1 in role jobs_worker")).await;
    let pool = PgPoolOptions::new().connect_with(db.options().username(&role)).await.unwrap();
    let held = pool.acquire().await.unwrap();
    drop(held); // it is open and idle, and the only one that the server gives out
    let jobs = pgjobs::publish_all(&db.pool, (0..50).map(add::new)).await.unwrap();
    let mut waiting = JoinSet::new();
    for job in jobs {
        let pool = pool.clone();
        waiting.spawn(async move { job.wait(&pool).await });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    end_all(&db).await;
    let began = Instant::now();
    while let Some(result) = waiting.join_next().await {
        assert_eq!(result.unwrap().unwrap(), 7);
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    pool.close().await;
    db.run(&format!("drop role {role}")).await;
}

#[tokio::test]
async fn a_role_that_may_not_ask_is_told_so() {
    let db = Db::new().await;
    let role = format!("mute_{}", db.one::<String>("select current_database()::text").await);
    db.run(&format!("create role {role} login in role jobs_publisher")).await;
    let pool = PgPoolOptions::new().connect_with(db.options().username(&role)).await.unwrap();
    let jobs = pgjobs::publish_all(&pool, (0..3).map(add::new)).await.unwrap();
    for job in jobs {
        let refused = job.wait_for(&pool, Duration::from_secs(5)).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{refused}");
    }
    pool.close().await;
    db.run(&format!("drop role {role}")).await;
}

#[tokio::test]
async fn a_pool_that_is_closed_ends_the_waiting_for_it() {
    let db = Db::new().await;
    let pool = PgPoolOptions::new().connect_lazy_with(db.options());
    let mut waiting = wait_for_many(&db, &pool, 1).await;
    pool.close().await;
    let ended = waiting.join_next().await.unwrap().unwrap();
    assert!(matches!(ended, Err(Error::Database(sqlx::Error::PoolClosed))), "{ended:?}");
    let again = add::publish(&db.pool, 1).await.unwrap().wait(&pool).await;
    assert!(matches!(again, Err(Error::Database(sqlx::Error::PoolClosed))), "{again:?}");
}

/// Each runtime with a thread and a pool of its own; the first is not driven any more and then dropped.
#[tokio::test]
async fn neither_a_blocked_runtime_nor_its_end_keeps_others_waiting() {
    let db = Db::new().await;
    let job = add::publish(&db.pool, 1).await.unwrap();
    let options = db.options();
    let first = job.clone();
    let (stopped, stop) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pool = runtime.block_on(async { PgPoolOptions::new().connect_lazy_with(options) });
        let waited = runtime.block_on(first.wait_for(&pool, Duration::from_millis(300)));
        assert!(matches!(waited, Err(Error::WaitTimeout(_))), "{waited:?}");
        stop.recv().unwrap(); // and nobody drives the runtime meanwhile
    });
    until("the first waits", async || own_connections(&db).await == 1).await;
    let second = tokio::spawn({
        let (pool, job) = (db.pool.clone(), job.clone());
        async move { job.wait(&pool).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    end_all(&db).await;
    assert_eq!(second.await.unwrap().unwrap(), 7);
    stopped.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), 7);
}

/// A result that the server cannot send, as one of a gigabyte is.
#[tokio::test]
async fn a_result_that_cannot_be_sent_fails_the_one_who_waits_for_it() {
    let db = Db::new().await;
    let mut jobs = pgjobs::publish_all(&db.pool, (0..40).map(add::new)).await.unwrap();
    end_all(&db).await;
    let odd: JobHandle<i64> = jobs.remove(17);
    db.run(&format!(
        "alter function jobs.results rename to _sound_results;
         create function jobs.results(i_jobs text[], i_only_ended boolean default false) returns table (
           job_id varchar, status varchar, result jsonb, traceback text) language plpgsql as $$
         begin
           if '{}' = any (i_jobs) then raise sqlstate '54000' using message = 'out of memory'; end if;
           return query select r.* from jobs._sound_results(i_jobs, i_only_ended) r;
         end $$",
        odd.id()
    ))
    .await;
    let mut waiting = JoinSet::new();
    for job in jobs {
        let pool = db.pool.clone();
        waiting.spawn(async move { job.wait_for(&pool, Duration::from_secs(10)).await });
    }
    let failed = odd.wait_for(&db.pool, Duration::from_secs(10)).await.unwrap_err();
    assert!(failed.to_string().contains("out of memory"), "{failed}");
    while let Some(result) = waiting.join_next().await {
        assert_eq!(result.unwrap().unwrap(), 7);
    }
}

#[tokio::test]
async fn a_short_limit_still_sees_what_has_ended() {
    let db = Db::new().await;
    let job = add::publish(&db.pool, 1).await.unwrap();
    end_all(&db).await;
    assert_eq!(job.wait_for(&db.pool, Duration::ZERO).await.unwrap(), 7);
    assert_eq!(job.wait_for(&db.pool, Duration::MAX).await.unwrap(), 7);
}
