//! Running workers and limits that let jobs start by time: rates, and keys that are closed for a while. The
//! workers poll once a minute, so only what a claim says of the next start wakes them.

use std::time::{Duration, Instant};

use pgjobs::chrono::{TimeDelta, Utc};
use pgjobs::limits::{self, Limit};
use pgjobs::{Job, TaskError, Worker, WorkerHandle, publish_all, task};
use pgjobs_tests::{Db, until};

#[task(name = "calls.call")]
async fn call(customer: i64) {
    let _ = customer;
}

/// Asks for a pause of its customer, as a service does with a 429.
#[task(name = "calls.ask")]
async fn ask(#[inject] job: &Job, customer: i64, seconds: i64) -> Result<(), TaskError> {
    job.block_key("calls", customer, Utc::now() + TimeDelta::seconds(seconds)).await?;
    Ok(())
}

async fn worker(db: &Db) -> WorkerHandle {
    let worker = Worker::new(db.pool.clone()).topic("calls.*").concurrency(10);
    worker.poll(Duration::from_secs(60)).start().await.unwrap()
}

/// Runs two calls of a customer under this limit; the seconds between their starts.
async fn between_two_starts(limit: Limit) -> f64 {
    let db = Db::new().await;
    limit.topic("calls.*").rate("1/4s").save(&db.pool).await.unwrap();
    let worker = worker(&db).await;
    for job in publish_all(&db.pool, [1, 1].map(call::new)).await.unwrap() {
        tokio::time::timeout(Duration::from_secs(40), job.wait(&db.pool)).await.expect("in time").unwrap();
    }
    worker.shutdown().await;
    db.one("select extract(epoch from max(a.run_at) - min(a.run_at))::float8 from jobs.\"all\" a").await
}

/// By itself it would look 3.2 s after the first, when the rate does not let the second start, and then after 6.4 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_starts_when_the_rate_of_its_key_says_so() {
    let seconds = between_two_starts(Limit::new("calls").key(["customer"])).await;
    assert!((3.9..5.6).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_starts_when_a_rate_for_all_says_so() {
    let seconds = between_two_starts(Limit::new("calls")).await;
    assert!((3.9..5.6).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_closes_a_key_and_others_go_on() {
    let db = Db::new().await;
    Limit::new("calls").topic("calls.*").key(["customer"]).max(1).save(&db.pool).await.unwrap();
    let worker = worker(&db).await;
    let asked = Instant::now();
    ask::publish(&db.pool, 1, 2).await.unwrap().wait(&db.pool).await.unwrap();
    let closed = limits::blocked_keys(&db.pool, None, 10).await.unwrap();
    assert_eq!(closed.len(), 1);
    assert_eq!((closed[0].name.as_str(), closed[0].key.get()), ("calls", "[1]"));
    assert!(closed[0].reason.as_deref().is_some_and(|reason| reason.contains("calls.ask")), "{closed:?}");
    let held = call::publish(&db.pool, 1).await.unwrap();
    call::publish(&db.pool, 2).await.unwrap().wait(&db.pool).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), held.wait(&db.pool)).await.expect("in time").unwrap();
    let started: f64 = db
        .one("select extract(epoch from max(a.run_at) - min(a.run_at))::float8 from jobs.\"all\" a where a.body->'kwargs'->>'customer' = '1'")
        .await;
    assert!(started >= 1.9 && asked.elapsed() >= Duration::from_millis(1900), "{started}");
    worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_opened_by_hand_wakes_a_sleeping_worker() {
    let db = Db::new().await;
    Limit::new("calls").topic("calls.*").key(["customer"]).max(1).save(&db.pool).await.unwrap();
    limits::block_key(&db.pool, "calls", 1, Utc::now() + TimeDelta::hours(1), Some("429")).await.unwrap();
    let worker = worker(&db).await;
    let held = call::publish(&db.pool, 1).await.unwrap();
    until("the job waits for its key", async || {
        limits::keys(&db.pool, "calls", 10)
            .await
            .unwrap()
            .iter()
            .any(|key| key.blocked == 1 && key.closed_until.is_some())
    })
    .await;
    let limit = limits::get(&db.pool, "calls").await.unwrap().expect("a limit");
    assert_eq!((limit.max, limit.blocked, limit.closed), (Some(1), 1, 1));
    assert!(limits::release_key(&db.pool, "calls", 1).await.unwrap());
    assert!(!limits::release_key(&db.pool, "calls", 1).await.unwrap());
    tokio::time::timeout(Duration::from_secs(30), held.wait(&db.pool)).await.expect("woken").unwrap();
    worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_limit_wakes_a_sleeping_worker() {
    let db = Db::new().await;
    Limit::new("calls").topic("calls.*").key(["customer"]).max(0).save(&db.pool).await.unwrap();
    let worker = worker(&db).await;
    let held = call::publish(&db.pool, 1).await.unwrap();
    until("the job waits", async || limits::list(&db.pool, None).await.unwrap()[0].blocked == 1).await;
    Limit::new("calls").max(1).save(&db.pool).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), held.wait(&db.pool)).await.expect("woken").unwrap();
    worker.shutdown().await;
}

/// A key has as many values as the limit has names, and a name is that of a limit.
#[tokio::test]
async fn a_wrong_key_or_name_is_refused() {
    let db = Db::new().await;
    Limit::new("calls").topic("calls.*").key(["customer", "day"]).max(1).save(&db.pool).await.unwrap();
    let until = Utc::now() + TimeDelta::hours(1);
    let block = async |name: &str, key: &[i64]| limits::block_key(&db.pool, name, key, until, None).await;
    block("calls", &[1, 2]).await.unwrap();
    for (name, key, code) in [("calls", &[1_i64][..], "PT400"), ("none", &[1, 2], "PT404")] {
        match block(name, key).await.unwrap_err() {
            pgjobs::Error::Refused { code: found, .. } => assert_eq!(found, code),
            other => panic!("{other}"),
        }
    }
    let not_json = std::collections::BTreeMap::from([((1, 2), 3)]);
    let refused = limits::block_key(&db.pool, "calls", not_json, until, None).await.unwrap_err();
    assert!(matches!(refused, pgjobs::Error::Encode(_)), "{refused}");
}
