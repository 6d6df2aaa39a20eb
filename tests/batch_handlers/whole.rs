//! A call that fails as a whole charges every job once, and then each runs alone.

use std::time::Duration;

use pgjobs::{JobState, NewJob};
use pgjobs_tests::{Db, Lateness};

use crate::tasks::{Calls, POISON, closed, whole, worker};

/// Publishes the poison among four others and lets all of them end; returns the calls and the error that the
/// first call left behind.
async fn poisoned(how: &str) -> (Vec<Vec<i64>>, String) {
    let (db, calls) = (Db::new().await, Calls::default());
    let all = [1, 2, POISON, 3, 4].map(|n| whole::new(n, how.to_owned()));
    let jobs = pgjobs::publish_all(&db.pool, all).await.unwrap();
    let running = worker(&db, "many.whole", &calls).start().await.unwrap();
    for (n, job) in [1, 2, 3, 4].into_iter().zip([&jobs[0], &jobs[1], &jobs[3], &jobs[4]]) {
        assert_eq!(job.wait(&db.pool).await.unwrap(), n, "{how}");
        assert_eq!(job.fetch(&db.pool).await.unwrap().retries, 1, "{how}: charged once, for the whole");
    }
    let error = jobs[2].wait(&db.pool).await.unwrap_err().to_string();
    assert_eq!(jobs[2].fetch(&db.pool).await.unwrap().state, JobState::Failed, "{how}: {error}");
    running.shutdown().await;
    let first: String = db.one("select traceback from jobs.job where status = 'success' limit 1").await;
    (calls.seen(), first)
}

#[tokio::test]
async fn after_a_call_that_failed_each_of_its_jobs_runs_alone() {
    let ways = [
        ("error", "the joint run of 5 jobs: the index is locked"),
        ("fatal", "the joint run of 5 jobs: the index is gone"),
        ("panic", "the joint run of 5 jobs: panicked: at the disco"),
        ("hang", "the joint run of 5 jobs: timed out after 2s"),
        ("short", "the joint run of 5 jobs: the batch handler returned 4 outcomes for 5 jobs"),
    ];
    for (how, expected) in ways {
        let (mut calls, error) = poisoned(how).await;
        assert!(error.starts_with(expected), "{how}: {error}");
        assert_eq!(calls.remove(0), [1, 2, 3, 4, POISON], "{how}");
        calls.sort_unstable();
        assert_eq!(calls, [[1], [2], [3], [4], [POISON]], "{how}");
    }
}

#[tokio::test]
async fn a_job_on_its_last_run_shares_it_with_none() {
    let (db, calls) = (Db::new().await, Calls::default());
    for n in [1, POISON, 2] {
        let job = NewJob::named("many.whole").arg(n).arg("fatal").retries(1);
        job.publish(&db.pool).await.unwrap();
    }
    let report = worker(&db, "many.whole", &calls).burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed), (2, 1), "none failed for the poison");
    let mut seen = calls.seen();
    seen.sort_unstable();
    assert_eq!(seen, [[1], [2], [POISON]]);
}

#[tokio::test]
async fn a_call_that_is_snoozed_as_a_whole_charges_nobody() {
    let (db, calls) = (Db::new().await, Calls::default());
    pgjobs::publish_all(&db.pool, (1..=3).map(closed::new)).await.unwrap();
    let report = worker(&db, "many.closed", &calls).burst().run().await.unwrap();
    assert_eq!((report.snoozed, report.retried, report.failed), (3, 0, 0));
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue where retries = 0").await, 3);
}

#[tokio::test]
async fn the_least_time_limit_of_its_jobs_ends_a_call() {
    let lateness = Lateness::watch();
    let (db, calls, mut jobs) = (Db::new().await, Calls::default(), Vec::new());
    for (n, seconds) in [(1, 60.0), (POISON, 0.3), (2, 60.0), (3, 60.0), (4, 60.0)] {
        let job = NewJob::named("many.whole").arg(n).arg("hang").retries(2);
        jobs.push(job.timeout(Duration::from_secs_f64(seconds)).publish(&db.pool).await.unwrap());
    }
    let begun = std::time::Instant::now();
    let running = worker(&db, "many.whole", &calls).start().await.unwrap();
    for job in &jobs {
        let _either = job.wait(&db.pool).await;
    }
    let report = running.shutdown().await;
    assert_eq!(
        (report.succeeded, report.failed, report.retried),
        (4, 1, 5),
        "each timed out once, then alone"
    );
    let errors: Vec<String> =
        db.all("select distinct traceback from jobs.job where status = 'success'").await;
    assert_eq!(errors, ["the joint run of 5 jobs: timed out after 300ms"]);
    assert!(begun.elapsed() < lateness.allow(Duration::from_secs(20)), "{:?}", begun.elapsed());
}
