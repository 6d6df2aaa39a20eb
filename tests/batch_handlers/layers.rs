//! Layers and hooks see each job of a call by itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgjobs::layers::{Layer, Next, RunResult};
use pgjobs::{Job, Jobs, TaskError, task};
use pgjobs_tests::Db;

use crate::tasks::{Calls, double, five, worker};

fn value(job: &Job) -> i64 {
    let body = job.body().unwrap_or_default();
    let digits: String = body.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
    digits.parse().unwrap()
}

/// Does something else than the task for some values.
struct Odd;

impl Layer for Odd {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        match value(job) {
            100 => next.skip(&-1),
            101 => Err(TaskError::fatal("not today")),
            102 => panic!("before the call"),
            103 => {
                tokio::time::sleep(Duration::from_secs(4)).await;
                next.run().await
            }
            104 => {
                next.run().await?;
                Err(TaskError::fatal("not good enough"))
            }
            _ => next.run().await,
        }
    }
}

#[tokio::test]
async fn layers_and_hooks_run_around_each_job_of_a_call() {
    let (db, calls) = (Db::new().await, Calls::default());
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let [starts, wins, losses] = [log.clone(), log.clone(), log.clone()];
    let jobs = pgjobs::publish_all(&db.pool, [1, -2, 104, 2].map(double::new)).await.unwrap();
    let report = worker(&db, "many.double", &calls)
        .on_start(move |job| starts.lock().unwrap().push(format!("start {}", value(job))))
        .on_success(move |job, _| wins.lock().unwrap().push(format!("success {}", value(job))))
        .on_failure(move |job, error| losses.lock().unwrap().push(format!("failure {}: {error}", value(job))))
        .layer(Odd)
        .burst()
        .run()
        .await
        .unwrap();
    assert_eq!((report.succeeded, report.failed), (2, 2));
    assert_eq!(calls.seen(), [[-2, 1, 2, 104]]);
    let mut said = log.lock().unwrap().clone();
    said.sort_unstable();
    let expected = [
        "failure -2: two below zero",
        "failure 104: not good enough",
        "start -2",
        "start 1",
        "start 104",
        "start 2",
        "success 1",
        "success 2",
    ];
    assert_eq!(said, expected);
    assert!(jobs[2].wait(&db.pool).await.is_err());
}

#[tokio::test]
async fn jobs_that_their_layers_keep_back_are_not_waited_for() {
    let (db, calls) = (Db::new().await, Calls::default());
    let jobs = pgjobs::publish_all(&db.pool, [1, 100, 101, 102, 2].map(five::new)).await.unwrap();
    let running = worker(&db, "many.five", &calls).layer(Odd).start().await.unwrap();
    jobs[0].wait(&db.pool).await.unwrap();
    jobs[4].wait(&db.pool).await.unwrap();
    assert!(jobs[2].wait(&db.pool).await.is_err());
    running.shutdown().await;
    assert_eq!(calls.seen()[0], [1, 2]);
}

#[tokio::test]
async fn a_layer_that_waits_delays_the_call_by_a_second_at_most() {
    let (db, calls) = (Db::new().await, Calls::default());
    let jobs = pgjobs::publish_all(&db.pool, [1, 103, 2, 3, 4].map(five::new)).await.unwrap();
    let running = worker(&db, "many.five", &calls).layer(Odd).start().await.unwrap();
    jobs[0].wait(&db.pool).await.unwrap();
    jobs[1].wait(&db.pool).await.unwrap();
    running.shutdown().await;
    assert_eq!(calls.seen(), [vec![1, 2, 3, 4], vec![103]], "the late one is called apart");
}

/// A state that nobody gives.
struct Missing;

#[task(name = "lacking.many", batch = 2)]
async fn lacking(#[inject] _missing: &Missing, #[inject] _jobs: &Jobs) {}

#[tokio::test]
async fn a_worker_without_a_state_of_a_batch_handler_does_not_start() {
    let db = Db::new().await;
    let error = worker(&db, "lacking.many", &Calls::default()).burst().run().await.unwrap_err().to_string();
    assert!(error.contains("Missing"), "{error}");
}
