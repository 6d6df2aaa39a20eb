//! How a run ends, and what follows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgjobs::{JobState, Task, Worker};
use pgjobs_tests::{Db, Lateness, until};

use crate::tasks::{add, fail, flaky, late_error, late_error_unkept, transfer};

fn worker(db: &Db, topic: &str) -> Worker {
    Worker::new(db.pool.clone()).topic(topic).poll(Duration::from_millis(50))
}

#[tokio::test]
async fn a_failed_job_is_retried_until_it_succeeds_and_keeps_its_last_error() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let job = flaky::publish(&db.pool, 3).await.unwrap();
    let running = worker(&db, "fail.times").start().await.unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), 4, "the fourth attempt");
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.retried), (1, 3));
    let row = job.fetch(&db.pool).await.unwrap();
    assert_eq!((row.attempt, row.retries, row.traceback.as_deref()), (4, 3, Some("failure 3")));
    let took = (row.complete_on.unwrap() - row.created_at).to_std().unwrap();
    let limit = lateness.allow(Duration::from_millis(1500));
    assert!(took < limit, "the task's backoff is 10 ms, the database's own is at least 1.5 s: {took:?}");
}

#[tokio::test]
async fn retries_count_runs_in_all() {
    let db = Db::new().await;
    let job = flaky::publish(&db.pool, 99).retries(2).await.unwrap();
    let running = worker(&db, "fail.times").start().await.unwrap();
    let error = job.wait(&db.pool).await.unwrap_err().to_string();
    running.shutdown().await;
    assert!(error.ends_with("ended as failed: failure 2"), "{error}");
    assert_eq!(job.fetch(&db.pool).await.unwrap().attempt, 2);
}

#[tokio::test]
async fn each_error_says_what_happens_next() {
    let db = Db::new().await;
    let running = worker(&db, "fail.how").start().await.unwrap();
    for (how, state, attempt, words) in [
        ("fatal", JobState::Failed, 1, "never again"),
        ("plain", JobState::Failed, 2, "plain"),
        ("panic", JobState::Failed, 2, "panicked: at the disco"),
        ("hang", JobState::Failed, 2, "timed out after 200ms"),
        ("retry_in", JobState::Pending, 1, "later"),
        ("snooze", JobState::Pending, 1, ""),
    ] {
        let job = fail::publish(&db.pool, how.to_owned()).await.unwrap();
        until(how, async || {
            let row = job.fetch(&db.pool).await.unwrap();
            row.state == state && row.attempt == attempt
        })
        .await;
        let row = job.fetch(&db.pool).await.unwrap();
        assert_eq!(row.traceback.unwrap_or_default(), words, "{how}");
        assert_eq!(row.retries, i32::from(!matches!(how, "fatal" | "snooze")), "{how}");
        if state == JobState::Pending {
            let wait = (row.scheduled_at.unwrap() - row.run_at.unwrap_or(row.created_at)).num_seconds();
            assert!((3590..=3610).contains(&wait), "{how}: {wait}");
        }
    }
    running.shutdown().await;
}

#[tokio::test]
async fn a_delay_beyond_reason_is_a_long_delay() {
    let db = Db::new().await;
    let job = fail::publish(&db.pool, "snooze for ever".into()).await.unwrap();
    let report = worker(&db, "fail.how").burst().run().await.unwrap();
    assert_eq!(report.snoozed, 1);
    let row = job.fetch(&db.pool).await.unwrap();
    assert_eq!(row.state, JobState::Pending);
    assert!((row.scheduled_at.unwrap() - row.created_at).num_days() > 3000);
    assert!(
        add::publish(&db.pool, 1).delay(Duration::MAX).await.unwrap_err().to_string().contains("3650 days")
    );
}

#[tokio::test]
async fn hooks_hear_of_every_run_and_their_own_panic_spoils_nothing() {
    let db = Db::new().await;
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let (starts, wins, losses) = (heard.clone(), heard.clone(), heard.clone());
    add::publish(&db.pool, 1).await.unwrap();
    fail::publish(&db.pool, "fatal".into()).await.unwrap();
    let report = worker(&db, "*")
        .topic("fail.how")
        .state(crate::tasks::Gate::new())
        .concurrency(1)
        .on_start(move |job| {
            starts.lock().unwrap().push(format!("start {}", job.task()));
            panic!("a hook that panics");
        })
        .on_success(move |job, _| {
            wins.lock().unwrap().push(format!("success {}", job.task()));
            panic!("a hook that panics");
        })
        .on_failure(move |job, error| losses.lock().unwrap().push(format!("failure {} {error}", job.task())))
        .burst()
        .run()
        .await
        .unwrap();
    assert_eq!((report.succeeded, report.failed), (1, 1));
    let mut heard = heard.lock().unwrap().clone();
    heard.sort();
    assert_eq!(
        heard,
        ["failure fail.how never again", "start fail.how", "start math.add", "success math.add"]
    );
}

#[tokio::test]
async fn an_effect_and_its_ack_commit_together() {
    let db = Db::new().await;
    db.run("create table entry (job text, amount bigint)").await;
    let job = transfer::publish(&db.pool, 5, false).await.unwrap();
    let running = worker(&db, "bank.*").start().await.unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), 5);
    let undone = transfer::new(7, true).publish(&db.pool).await.unwrap();
    let error = undone.wait(&db.pool).await.unwrap_err().to_string();
    assert!(error.contains("was rolled back"), "{error}");
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.retried, report.failed), (1, 2, 1), "{report:?}");
    assert_eq!(db.one::<i64>("select sum(amount)::bigint from entry").await, 5);
    assert_eq!(undone.fetch(&db.pool).await.unwrap().attempt, 3);
}

#[tokio::test]
async fn a_job_that_its_task_finished_is_a_success_whatever_it_says_then() {
    let db = Db::new().await;
    let job = late_error::publish(&db.pool).await.unwrap();
    late_error_unkept::publish(&db.pool).await.unwrap();
    let report = worker(&db, "late.*").burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed, report.lost), (2, 0, 0), "{report:?}");
    assert_eq!(job.fetch(&db.pool).await.unwrap().state, JobState::Success);
}
