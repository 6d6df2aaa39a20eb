//! Behind PgBouncer: all of it when sessions are pooled, publishing when transactions are.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use pgjobs::{Error, NewJob, TaskError, Tx, Worker, publish_all, task};
use pgjobs_tests::{Db, Pooler, Proxy, output, until};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinSet;

#[task(name = "pooler.add")]
async fn add(a: i64, b: i64) -> Result<i64, TaskError> {
    Ok(a + b)
}

const BY_SESSION: &str = "pool_mode = session";
const BY_TRANSACTION: &str = "pool_mode = transaction";

fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections).connect_lazy_with(options)
}

/// Other programs behind the same pooler, which keep many of its sessions busy.
fn strangers(pool: &PgPool) -> JoinSet<()> {
    let mut strangers = JoinSet::new();
    for n in 0..6 {
        let pool = pool.clone();
        strangers.spawn(async move {
            // Their own statements meet under the same names: that is what fails here, and may.
            while sqlx::query("select $1::int8, pg_sleep(0.001)").bind(n).execute(&pool).await.is_ok()
                || !pool.is_closed()
            {}
        });
    }
    strangers
}

fn run_worker(url: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(["worker", "--topic", "app.add"]).env("DATABASE_URL", url);
    output(&mut command)
}

#[tokio::test]
async fn by_session_a_worker_process_does_everything_and_is_woken() {
    let db = Db::empty().await;
    let pooler = Pooler::before(&db, BY_SESSION).await;
    let pool = pool(pooler.options(&db), 10);
    pgjobs::migrate(&pool).await.unwrap();
    let mut worker = Command::new(env!("CARGO_BIN_EXE_app"));
    worker.args(["worker", "--topic", "app.*", "--poll", "60s"]).env("DATABASE_URL", pooler.url(&db));
    let _worker = Killed(worker.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("the worker"));
    for n in 0..20 {
        // It looks by itself once a minute, so each of these is a notification that was heard.
        let job = NewJob::named("app.add").arg(n).arg(1).publish(&pool).await.unwrap();
        let sum = job.wait_for(&pool, Duration::from_secs(120)).await.unwrap();
        assert_eq!(sum, n + 1);
    }
    let slow = NewJob::named("app.slow").arg(3.0).publish(&pool).await.unwrap();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { slow.wait_for(&pool, Duration::from_secs(120)).await }
    });
    let listens =
        "select last_value > (extract(epoch from clock_timestamp()) * 1000)::bigint from jobs.waiting_until";
    until("somebody listens for results", async || db.one::<bool>(listens).await).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'success'").await, 21);
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_transaction_a_worker_is_refused_with_the_remedy() {
    let db = Db::new().await;
    for mode in [BY_TRANSACTION, "pool_mode = transaction\nserver_round_robin = 1", "pool_mode = statement"] {
        let pooler = Pooler::before(&db, mode).await;
        let pool = pool(pooler.options(&db), 10);
        let started = Worker::new(pool.clone()).topic("pooler.*").start().await;
        let error = started.err().unwrap_or_else(|| panic!("{mode}: it started"));
        assert!(matches!(error, Error::TransactionPooling { .. }), "{mode}: {error}");
        let error = pgjobs::migrate(&pool).await.expect_err(mode);
        assert!(matches!(error, Error::TransactionPooling { .. }), "{mode}: {error}");
        let output = tokio::task::block_in_place(|| run_worker(&pooler.url(&db)));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for word in ["pooler", "another session", "`pool_mode = session`", "connect directly"] {
            assert!(said.contains(word), "{mode}: `{word}` is missing in: {said}");
        }
    }
    let left = "select count(*) from pg_stat_activity
                 where datname = current_database() and application_name like '%pgjobs claim'";
    assert_eq!(db.one::<i64>(left).await, 0, "it was refused before it said anything else");
}

/// Questions that are asked at once are under way at once: each of two connections may meet its own session each time.
#[tokio::test]
async fn by_transaction_a_worker_is_refused_however_far_the_server_is() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    for mode in [BY_TRANSACTION, "pool_mode = transaction\nserver_round_robin = 1"] {
        let pooler = Pooler::before_proxy(&db, &proxy, mode).await;
        proxy.set_delay(10);
        for _ in 0..20 {
            let started = Worker::new(pool(pooler.options(&db), 10)).topic("pooler.*").start().await;
            let error = started.err().unwrap_or_else(|| panic!("{mode}: it started"));
            assert!(matches!(error, Error::TransactionPooling { .. }), "{mode}: {error}");
        }
    }
}

#[tokio::test]
async fn by_transaction_a_worker_is_refused_however_busy_the_pooler_is() {
    let db = Db::new().await;
    let pooler = Pooler::before(&db, BY_TRANSACTION).await;
    let others = pool(pooler.options(&db), 6);
    let _strangers = strangers(&others);
    for _ in 0..200 {
        let started = Worker::new(pool(pooler.options(&db), 10)).topic("pooler.*").start().await;
        let error = started.err().expect("it started");
        assert!(matches!(error, Error::TransactionPooling { .. }), "{error}");
    }
    others.close().await;
}

#[tokio::test]
async fn by_transaction_jobs_are_published_and_waited_for_without_a_cache() {
    let db = Db::new().await;
    let pooler = Pooler::before(&db, BY_TRANSACTION).await;
    let others = pool(pooler.options(&db), 6);
    let _strangers = strangers(&others);
    let pool = pool(pooler.options(&db).statement_cache_capacity(0), 8);
    let worker = Worker::new(db.pool.clone()).topic("pooler.*").start().await.unwrap();
    let mut publishers = JoinSet::new();
    for n in 0..200 {
        let pool = pool.clone();
        publishers.spawn(async move {
            let job = add::publish(&pool, n, 1).await.unwrap();
            assert_eq!(job.wait_for(&pool, Duration::from_secs(120)).await.unwrap(), n + 1);
        });
    }
    while let Some(published) = publishers.join_next().await {
        published.unwrap();
    }
    let many = publish_all(&pool, (0..3000).map(|n| add::new(n, 2))).await.unwrap();
    let tx = Tx::begin(&pool).await.unwrap();
    let shared = [add::publish(&tx, 40, 2).await.unwrap(), add::publish(&tx, 50, 2).await.unwrap()];
    tx.commit().await.unwrap();
    for (job, sum) in many.iter().rev().take(1).zip([3001]).chain(shared.iter().zip([42, 52])) {
        assert_eq!(job.wait_for(&pool, Duration::from_secs(120)).await.unwrap(), sum);
    }
    until("all have ended", async || db.one::<i64>("select count(*) from jobs.job").await == 3202).await;
    assert_eq!(worker.shutdown().await.succeeded, 3202);
    others.close().await;
}

#[tokio::test]
async fn by_transaction_publishing_with_a_cache_names_the_remedy() {
    let db = Db::new().await;
    let pooler = Pooler::before(&db, BY_TRANSACTION).await;
    let (first, second) = (pool(pooler.options(&db), 1), pool(pooler.options(&db), 1));
    add::publish(&first, 1, 1).await.unwrap();
    let error = add::publish(&second, 1, 1).await.expect_err("the name is taken");
    assert!(matches!(error, Error::TransactionPooling { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("statement_cache_capacity(0)") && said.contains("sqlx_s_1"), "{said}");
}
