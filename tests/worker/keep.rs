//! Which ended jobs stay in history: the option `keep`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pgjobs::{Error, JobHandle, Worker, WorkerHandle, inspect};
use pgjobs_tests::{Db, until};

use crate::tasks::{Gate, keep_all, keep_failed, keep_failed_itself, keep_none};

async fn start(db: &Db, gate: &Gate) -> WorkerHandle {
    let worker = Worker::new(db.pool.clone()).topic("keep.*").concurrency(9).state(gate.clone());
    worker.poll(Duration::from_millis(20)).start().await.unwrap()
}

/// `task status` of each job in history.
async fn history(db: &Db) -> Vec<String> {
    db.all("select task || ' ' || status from jobs.job order by task, status::text").await
}

async fn nothing_open(db: &Db) {
    until("all have ended", async || db.one::<i64>("select count(*) from jobs.job_queue").await == 0).await;
}

#[tokio::test]
async fn a_task_keeps_the_ended_jobs_that_it_says_and_by_default_all() {
    let db = Db::new().await;
    let gate = Gate::new();
    for fails in [false, true] {
        keep_all::publish(&db.pool, fails).await.unwrap();
        keep_failed::publish(&db.pool, fails).await.unwrap();
        keep_none::publish(&db.pool, fails).await.unwrap();
    }
    let running = start(&db, &gate).await;
    gate.door.add_permits(9);
    nothing_open(&db).await;
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.retried, report.failed, report.lost), (3, 3, 3, 0));
    assert_eq!(gate.entered.load(Ordering::SeqCst), 9, "one run of each success, two of each failure");
    assert_eq!(history(&db).await, ["keep.all failed", "keep.all success", "keep.failed failed"]);
}

#[tokio::test]
async fn a_cancelled_job_is_kept_unless_its_task_keeps_none() {
    let db = Db::new().await;
    let gate = Gate::new();
    let mut jobs: Vec<JobHandle<()>> = Vec::new();
    for delay in [Duration::ZERO, Duration::from_secs(3600)] {
        jobs.push(keep_all::publish(&db.pool, false).delay(delay).await.unwrap());
        jobs.push(keep_failed::publish(&db.pool, false).delay(delay).await.unwrap());
        jobs.push(keep_none::publish(&db.pool, false).delay(delay).await.unwrap());
    }
    let running = start(&db, &gate).await;
    gate.entered(3).await; // the others are pending
    let ids: Vec<_> = jobs.iter().map(|job| job.id().clone()).collect();
    assert_eq!(pgjobs::admin::cancel(&db.pool, &ids).await.unwrap().len(), 6);
    gate.door.add_permits(3);
    let report = running.shutdown().await;
    assert_eq!((report.succeeded, report.lost), (0, 3), "what a cancelled run says is refused, kept or not");
    let kept = ["keep.all cancelled", "keep.all cancelled", "keep.failed cancelled", "keep.failed cancelled"];
    assert_eq!(history(&db).await, kept);
    nothing_open(&db).await;
}

#[tokio::test]
async fn a_job_that_its_task_ends_itself_is_no_lost_one_for_not_being_kept() {
    let db = Db::new().await;
    for roll_back in [false, true] {
        keep_failed_itself::publish(&db.pool, roll_back).await.unwrap();
    }
    let gate = Gate::new();
    gate.door.add_permits(2);
    let running = start(&db, &gate).await;
    nothing_open(&db).await;
    let report = running.shutdown().await;
    assert_eq!((gate.entered.load(Ordering::SeqCst), report.lost), (2, 0));
    assert_eq!(history(&db).await, ["keep.failed_itself failed"], "its transaction was rolled back");
}

#[tokio::test]
async fn waiting_for_a_job_that_is_not_kept_says_that_its_result_is_gone() {
    let db = Db::new().await;
    let gate = Gate::new();
    let job = keep_failed::publish(&db.pool, false).await.unwrap();
    let running = start(&db, &gate).await;
    gate.entered(1).await;
    let (waited, ()) = tokio::join!(job.wait(&db.pool), async {
        until("it has looked once", async || {
            db.one::<bool>(
                "select exists (select 1 from pg_stat_activity
                 where datname = current_database() and application_name = 'pgjobs wait'
                   and query like '%jobs.results(%' and state = 'idle')",
            )
            .await
        })
        .await;
        gate.door.add_permits(1);
    });
    assert!(matches!(waited, Err(Error::NotKept(_))), "{waited:?}");
    let later = job.wait(&db.pool).await;
    assert!(matches!(later, Err(Error::UnknownJob(_))), "{later:?}");
    running.shutdown().await;
}

#[tokio::test]
async fn what_a_task_keeps_is_in_the_registry() {
    let db = Db::new().await;
    start(&db, &Gate::new()).await.shutdown().await;
    let tasks = inspect::tasks(&db.pool).await.unwrap();
    let keep = |name: &str| tasks.iter().find(|task| task.name == name).and_then(|task| task.keep);
    assert_eq!(keep("keep.all"), Some(pgjobs::Keep::All));
    assert_eq!(keep("keep.failed"), Some(pgjobs::Keep::Failed));
    assert_eq!(keep("keep.none"), Some(pgjobs::Keep::None));
}
