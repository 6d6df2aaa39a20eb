//! Waiting for results.

use std::time::Duration;

use pgjobs::{Error, JobHandle, NewJob, Task, Worker};
use pgjobs_tests::Db;

use crate::tasks::{Line, Order, add, ship};

#[tokio::test]
async fn a_typed_result_is_returned() {
    let db = Db::new().await;
    let running = Worker::new(db.pool.clone()).topic("shop.*").topic("math.*").start().await.unwrap();
    let order = Order { id: i64::MAX, lines: vec![Line { sku: "ä\"\\\u{1F600}".into(), count: 3 }] };
    let back: Order =
        ship::new(order.clone()).express(true).publish(&db.pool).await.unwrap().wait(&db.pool).await.unwrap();
    assert_eq!(back, order);
    let job = NewJob::named("math.add").arg(20).publish(&db.pool).await.unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), serde_json::json!(30));
    let wrong = JobHandle::<String>::new(job.id().clone()).wait(&db.pool).await.unwrap_err();
    assert!(wrong.to_string().contains("expected a string, found integer"), "{wrong}");
    running.shutdown().await;
}

#[tokio::test]
async fn a_hundred_may_wait_with_a_pool_of_ten() {
    let db = Db::new().await;
    let jobs = pgjobs::publish_all(&db.pool, (0..100).map(add::new)).await.unwrap();
    let waiting: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let pool = db.pool.clone();
            tokio::spawn(async move { job.wait(&pool).await.unwrap() })
        })
        .collect();
    let running = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    let mut sum = 0;
    for wait in waiting {
        sum += wait.await.unwrap();
    }
    assert_eq!(sum, (0..100).map(|n| n + 10).sum::<i64>());
    running.shutdown().await;
}

#[tokio::test]
async fn waiting_ends_for_what_does_not_come() {
    let db = Db::new().await;
    let job = add::publish(&db.pool, 1).await.unwrap();
    let error = job.wait_for(&db.pool, Duration::from_millis(30)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error}");
    pgjobs::admin::cancel(&db.pool, &[job.id().clone()]).await.unwrap();
    let error = job.wait(&db.pool).await.unwrap_err();
    assert!(error.to_string().contains("ended as cancelled"), "{error}");
    let unknown = JobHandle::<i64>::new("0".repeat(32).parse().unwrap());
    assert!(matches!(unknown.wait(&db.pool).await.unwrap_err(), Error::UnknownJob(_)));
}
