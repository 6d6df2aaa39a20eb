//! Callers that wait for workflows and nodes while a worker runs them.

use std::time::{Duration, Instant};

use pgjobs::workflow::{Flow, WorkflowError, WorkflowHandle, chain, chord};
use pgjobs::{Error, Worker, WorkerHandle};
use pgjobs_tests::Db;

use crate::rust_tasks::{Seen, number, square, sum};

async fn worker(db: &Db) -> WorkerHandle {
    let worker = Worker::new(db.pool.clone()).topic("flow.*").state(Seen::default()).state(db.pool.clone());
    worker.concurrency(8).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_nodes_and_for_the_whole_end_with_their_results() {
    let db = Db::new().await;
    let mut flow = Flow::new("wait");
    let first = flow.node("first", number::new(3));
    let second = flow.then("second", &first, square::after());
    let run = flow.returns(&second).publish(&db.pool).await.unwrap();
    let waits = (run.result(&first), run.result(&second));
    let (pool, again) = (db.pool.clone(), run.clone());
    let whole = tokio::spawn(async move { again.wait(&pool).await });
    let worker = worker(&db).await;
    assert_eq!(waits.0.wait_for(&db.pool, Duration::from_secs(60)).await.unwrap(), 3);
    assert_eq!(waits.1.wait(&db.pool).await.unwrap(), 9);
    assert_eq!(whole.await.unwrap().unwrap(), 9);
    worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_waits_share_one_connection() {
    let db = Db::new().await;
    let mut runs = Vec::new();
    for n in 0..100 {
        runs.push(chain(number::new(n)).then(square::after()).publish(&db.pool).await.unwrap());
    }
    let waits: Vec<_> = runs
        .into_iter()
        .map(|run| {
            let pool = db.pool.clone();
            tokio::spawn(async move { run.wait(&pool).await.unwrap() })
        })
        .collect();
    let asking = "select count(*) from pg_stat_activity where application_name = 'pgjobs wait' and datname = current_database()";
    let until_there = async || db.one::<i64>(asking).await == 1;
    pgjobs_tests::until("one connection waits", until_there).await;
    let worker = worker(&db).await;
    let mut sum = 0;
    for wait in waits {
        sum += wait.await.unwrap();
    }
    assert_eq!(sum, (0..100).map(|n| n * n).sum::<i64>());
    assert_eq!(db.one::<i64>(asking).await, 1);
    worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_unknown_and_what_is_slow_is_late() {
    let db = Db::new().await;
    let nobody = WorkflowHandle::<i64>::new(4711);
    let error = nobody.wait(&db.pool).await.unwrap_err();
    assert!(matches!(error, Error::Workflow(WorkflowError::Unknown(4711))), "{error}");
    assert!(matches!(nobody.fetch(&db.pool).await, Err(Error::Workflow(WorkflowError::Unknown(4711)))));
    let run = chain(number::new(1)).publish(&db.pool).await.unwrap();
    let error = run.node::<i64>("nine").wait(&db.pool).await.unwrap_err();
    assert!(
        matches!(&error, Error::Workflow(WorkflowError::UnknownNode { node, .. }) if node == "nine"),
        "{error}"
    );
    let began = Instant::now();
    let error = run.wait_for(&db.pool, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, Error::Workflow(WorkflowError::Timeout(id)) if id == run.id()), "{error}");
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// One that is unknown fails alone, though one query asks for all.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_workflow_does_not_disturb_the_waits_for_others() {
    let db = Db::new().await;
    let run = chord([1, 2].map(number::new), sum::after()).publish(&db.pool).await.unwrap();
    let (pool, again) = (db.pool.clone(), run.clone());
    let wait = tokio::spawn(async move { again.wait(&pool).await });
    let others = (1..20).map(|n| WorkflowHandle::<i64>::new(1_000_000 + n));
    let pool = &db.pool;
    for other in others {
        assert!(matches!(other.wait(pool).await, Err(Error::Workflow(WorkflowError::Unknown(_)))));
    }
    let worker = worker(&db).await;
    assert_eq!(wait.await.unwrap().unwrap(), 3);
    worker.shutdown().await;
}
