//! Each job of a call has an outcome of its own.

use std::sync::Arc;

use pgjobs::JobState;
use pgjobs_tests::{Db, until};
use tokio::sync::Semaphore;

use crate::tasks::{Calls, double, entered, gated, named, worker};

#[tokio::test]
async fn each_job_of_a_call_ends_in_its_own_way() {
    let (db, calls) = (Db::new().await, Calls::default());
    let jobs = pgjobs::publish_all(&db.pool, (-3..=6).map(double::new)).await.unwrap();
    let running = worker(&db, "many.double", &calls).start().await.unwrap();
    // -1 is retried, on its own, until it has no run left.
    assert!(jobs[2].wait(&db.pool).await.unwrap_err().to_string().contains("below zero"));
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.snoozed, report.failed, report.lost), (7, 1, 2, 0));
    let rows = [jobs[0].fetch(&db.pool).await.unwrap(), jobs[1].fetch(&db.pool).await.unwrap()];
    assert_eq!((rows[0].state, rows[0].retries), (JobState::Pending, 0), "snoozed and not charged");
    assert_eq!((rows[1].state, rows[1].retries), (JobState::Failed, 0), "fatal");
    assert_eq!(rows[1].traceback.as_deref(), Some("two below zero"));
    for (n, job) in (0..=6).zip(&jobs[3..]) {
        assert_eq!(job.wait(&db.pool).await.unwrap(), n * 2);
        assert_eq!(job.fetch(&db.pool).await.unwrap().retries, 0, "{n} was charged for another");
    }
    assert_eq!(calls.seen()[0], [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(calls.seen()[1..], [[-1], [-1]]);
}

#[tokio::test]
async fn arguments_that_do_not_fit_fail_alone_and_before_the_call() {
    let (db, calls) = (Db::new().await, Calls::default());
    // Before a worker has declared the task nothing checks them.
    for body in ["{\"args\": [1]}", "{\"args\": [\"one\"]}", "{\"args\": [2]}", "{\"kwargs\": {\"m\": 3}}"] {
        db.run(&format!("select jobs.publish('many.double', '{body}')")).await;
    }
    let report = worker(&db, "many.double", &calls).burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed, report.retried), (2, 2, 0));
    assert_eq!(calls.seen(), [[1, 2]], "one call, without them");
    let why: Vec<String> = db.all("select traceback from jobs.job where status = 'failed' order by id").await;
    assert!(why[0].contains("expected i64, found string"), "{why:?}");
    assert!(why[1].contains("`m`"), "{why:?}");
}

#[tokio::test]
async fn a_call_of_nothing_but_misfits_is_none() {
    let (db, calls) = (Db::new().await, Calls::default());
    db.run("select jobs.publish('many.double', '{\"args\": [\"one\"]}') from generate_series(1, 3)").await;
    let report = worker(&db, "many.double", &calls).burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed), (0, 3));
    assert!(calls.seen().is_empty());
}

#[tokio::test]
async fn a_handler_knows_the_jobs_of_its_arguments() {
    let (db, calls) = (Db::new().await, Calls::default());
    let jobs = pgjobs::publish_all(&db.pool, (1..=3).map(named::new)).await.unwrap();
    worker(&db, "many.named", &calls).burst().run().await.unwrap();
    for (n, job) in (1..=3).zip(&jobs) {
        assert_eq!(job.wait(&db.pool).await.unwrap(), format!("{n} {} 1", job.id()));
    }
}

#[tokio::test]
async fn effects_and_ends_of_all_jobs_commit_in_one_transaction() {
    let (db, calls) = (Db::new().await, Calls::default());
    db.run("create table entry (n bigint)").await;
    pgjobs::publish_all(&db.pool, (1..=3).map(entered::new)).await.unwrap();
    let report = worker(&db, "many.entered", &calls).burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed, report.retried, report.lost), (3, 0, 0, 0));
    let written = "select count(distinct xmin::text) from (select xmin from entry union all
                   select xmin from jobs.job where status = 'success') written";
    assert_eq!(db.one::<i64>(written).await, 1, "transactions");
    assert_eq!(db.one::<i64>("select count(*) from entry").await, 3);
}

#[tokio::test]
async fn a_job_that_is_cancelled_in_a_call_leaves_the_others_alone() {
    let (db, calls) = (Db::new().await, Calls::default());
    let jobs = pgjobs::publish_all(&db.pool, (1..=3).map(gated::new)).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let running = worker(&db, "many.gated", &calls).state(gate.clone()).start().await.unwrap();
    until("it is called", async || calls.sizes() == [3]).await;
    pgjobs::admin::cancel(&db.pool, &[jobs[1].id().clone()]).await.unwrap();
    gate.add_permits(1);
    assert_eq!(jobs[0].wait(&db.pool).await.unwrap(), 1);
    assert_eq!(jobs[2].wait(&db.pool).await.unwrap(), 3);
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.lost), (2, 1));
    assert_eq!(jobs[1].fetch(&db.pool).await.unwrap().state, JobState::Cancelled);
}
