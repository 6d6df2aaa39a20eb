//! Futures that are dropped while a transaction begins, as by a timeout or the end of a web request: the connection
//! goes back to the pool, and what is published on it next must be there.

use std::time::Duration;

use pgjobs::{JobId, NewJob, Tx, admin};
use pgjobs_tests::{Db, Proxy};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

/// A pool of one connection, on which each answer takes its time, and a job.
async fn slow(db: &Db) -> (Proxy, PgPool, JobId) {
    let proxy = Proxy::before(db);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(proxy.options(db)).await.unwrap();
    let job = publish(&pool).await;
    proxy.set_delay(200);
    (proxy, pool, job)
}

async fn publish(pool: &PgPool) -> JobId {
    NewJob::named("mail.send").publish(pool).await.unwrap().id().clone()
}

/// Whether a job that is published on the pool after this future was dropped is there for others.
async fn keeps_what_follows<T>(dropped: impl AsyncFnOnce(&PgPool, &JobId) -> T) {
    let db = Db::new().await;
    let (_proxy, pool, job) = slow(&db).await;
    // In the middle of its first answers, whichever these are.
    assert!(timeout(Duration::from_millis(100), dropped(&pool, &job)).await.is_err());
    let next = publish(&pool).await;
    let found = db.one::<i64>(&format!("select count(*) from jobs.all where job_id = '{next}'")).await;
    assert_eq!(found, 1, "the job is in a transaction that nobody commits");
}

#[tokio::test]
async fn a_dropped_begin_of_a_transaction_takes_no_job_with_it() {
    keeps_what_follows(async |pool, _| drop(Tx::begin(pool).await)).await;
}

#[tokio::test]
async fn a_dropped_look_at_a_job_takes_no_other_with_it() {
    keeps_what_follows(async |pool, job| drop(pgjobs::inspect::job(pool, job).await)).await;
}

#[tokio::test]
async fn a_dropped_retry_takes_no_job_with_it() {
    keeps_what_follows(async |pool, job| drop(admin::retry(pool, std::slice::from_ref(job)).await)).await;
}
