//! What a worker checks before it starts.

use pgjobs::{Error, Worker};
use pgjobs_tests::Db;

#[tokio::test]
async fn missing_state_is_named_at_start_with_the_task_that_asks() {
    let db = Db::new().await;
    let error = Worker::new(db.pool.clone()).topic("gate.*").start().await.err().unwrap();
    assert!(
        matches!(&error, Error::MissingState { task: "gate.pass", state } if state.ends_with("Gate")),
        "{error}"
    );
    assert!(error.to_string().contains("add .state("), "{error}");
}

#[tokio::test]
async fn topics_without_a_task_are_an_error() {
    let db = Db::new().await;
    let error = Worker::new(db.pool.clone()).topic("nothing.*").start().await.err().unwrap();
    assert!(error.to_string().contains("no task of this binary matches the topics nothing.*"), "{error}");
    let error = Worker::new(db.pool.clone()).topic("").start().await.err().unwrap();
    assert!(matches!(error, Error::Topic { .. }), "{error}");
}

#[tokio::test]
async fn options_out_of_range_are_named() {
    let db = Db::new().await;
    for worker in [
        Worker::new(db.pool.clone()).concurrency(0),
        Worker::new(db.pool.clone()).lease(std::time::Duration::ZERO),
        Worker::new(db.pool.clone()).poll(std::time::Duration::ZERO),
    ] {
        assert!(matches!(worker.start().await.err().unwrap(), Error::Option { .. }));
    }
}

#[tokio::test]
async fn a_plain_call_is_still_possible() {
    assert_eq!(crate::tasks::add(1, 2).await.unwrap(), 3);
}
