//! A running worker and topics that are paused and resumed.

use std::time::Duration;

use pgjobs::{Topic, Worker, admin};
use pgjobs_tests::{Db, until};

use crate::tasks::add;

/// The worker polls once a minute: only the notification of the resume wakes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_topic_wakes_a_sleeping_worker() {
    let db = Db::new().await;
    let topic: Topic = "*".parse().unwrap();
    admin::pause_topic(&db.pool, &topic, None, Some("not yet")).await.unwrap();
    let worker =
        Worker::new(db.pool.clone()).topic("math.*").poll(Duration::from_secs(60)).start().await.unwrap();
    let job = add::publish(&db.pool, 1).await.unwrap();
    until("the worker has looked and sleeps", async || {
        db.one::<bool>(
            "select coalesce(pg_sequence_last_value('jobs.sleeping_until') > extract(epoch from now()) * 1000, false)",
        )
        .await
    })
    .await;
    assert_eq!(db.pending_rows().await, 1);
    assert!(admin::resume_topic(&db.pool, &topic).await.unwrap());
    tokio::time::timeout(Duration::from_secs(20), job.wait(&db.pool)).await.expect("woken").unwrap();
    worker.shutdown().await;
}
