//! What ends or interrupts a run gives back exactly its slots.

use std::time::Duration;

use pgjobs_tests::{Claimed, Db, ManualWorker};

use crate::slots::{assert_right, body, held, keys, limit, put};

async fn running(db: &Db, worker: &ManualWorker<'_>) -> Claimed {
    limit(db, "a", "t", r#"{"key": ["c"], "max": 2}"#).await;
    put(db, "t", 1, 4).await;
    let claimed = worker.claim(10).await;
    assert_eq!(claimed.len(), 2);
    claimed
}

#[tokio::test]
async fn every_outcome_gives_back_one_slot() {
    for outcome in ["success", "fail", "retry", "snooze", "release"] {
        let db = Db::new().await;
        let worker = db.worker(&["t"]).await;
        let claimed = running(&db, &worker).await;
        assert!(db.settle(outcome, [&claimed.jobs[0]]).await.is_empty());
        assert_eq!(
            db.settle(outcome, [&claimed.jobs[0]]).await.len(),
            usize::from(!matches!(outcome, "success" | "fail")),
            "{outcome}: once"
        );
        assert_eq!(worker.claim(10).await.len(), 1, "{outcome}");
        assert_eq!(held(&db, "a").await, [2], "{outcome}");
        assert_right(&db).await;
    }
}

#[tokio::test]
async fn a_released_claim_and_a_dead_worker_give_back_their_slots() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["t"], 10).await;
    let claimed = running(&db, &worker).await;
    assert_eq!(worker.release(claimed.lease).await, 2);
    assert_eq!(held(&db, "a").await, [0_i64; 0]);
    assert_eq!(worker.claim(10).await.len(), 2);
    db.advance(Duration::from_secs(60)).await;
    let other = db.worker(&["t"]).await;
    assert!(other.claim(10).await.is_empty(), "the dead one's leases are not swept yet");
    db.run("select jobs.sweep(1000)").await;
    assert_eq!(other.claim(10).await.len(), 2);
    assert_eq!(held(&db, "a").await, [2]);
    assert_right(&db).await;
}

#[tokio::test]
async fn a_run_that_outlasts_its_timeout_gives_back_its_slot() {
    let db = Db::with_clock().await;
    limit(&db, "a", "*", r#"{"max": 1}"#).await;
    db.publish_many("t", 1..=2).timeout(5.0).await;
    assert_eq!(db.consume(10).await.len(), 1);
    assert!(db.consume(10).await.is_empty());
    db.advance(Duration::from_secs(10)).await;
    db.run("select jobs.sweep(1000)").await;
    assert_eq!(db.consume(10).await.len(), 1);
    assert_eq!(held(&db, "a").await, [1]);
    assert_right(&db).await;
}

#[tokio::test]
async fn cancelled_jobs_leave_no_slot_and_keep_nobody_back() {
    let db = Db::new().await;
    let worker = db.worker(&["t"]).await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 2}"#).await;
    put(&db, "t", 1, 6).await;
    let claimed = worker.claim(10).await;
    let cancel = "select count(*) from jobs.cancel(array(select q.job_id::text from jobs.pending q where q.bucket is not null order by q.id limit 2), 0)";
    assert_eq!(db.one::<i64>(cancel).await, 2);
    assert!(worker.claim(10).await.is_empty());
    db.settle("success", &claimed.jobs).await;
    let next = worker.claim(10).await;
    assert_eq!(next.len(), 2);
    db.run(&format!("select jobs.cancel(array['{}'], 0)", next.jobs[0].job_id)).await;
    db.settle("success", &next.jobs).await;
    assert!(worker.claim(10).await.is_empty());
    assert_eq!(held(&db, "a").await, [0_i64; 0]);
    assert_right(&db).await;
    put(&db, "t", 1, 2).await;
    assert_eq!(worker.claim(10).await.len(), 2, "the key goes on");
}

const IN_ORDER: &str = r#"{"key": ["c"], "in_order": true, "on_dead": "POLICY"}"#;

/// Publishes three jobs of key 1 and one of key 2, in order, and claims.
async fn in_order(db: &Db, policy: &str) -> Claimed {
    limit(db, "o", "t", &IN_ORDER.replace("POLICY", policy)).await;
    let worker = db.worker(&["t"]).await;
    for d in 1..=3 {
        db.publish("t", body(1, d)).max_retries(2).await;
    }
    put(db, "t", 2, 1).await;
    let claimed = worker.claim(10).await;
    assert_eq!(keys(&claimed), [1, 2]);
    claimed
}

/// Whatever its first run does, no other job of its key comes before the second.
#[tokio::test]
async fn a_job_in_order_keeps_its_place_until_it_ends() {
    for (outcome, delay) in [("retry", 60), ("snooze", 60), ("release", 0)] {
        let db = Db::with_clock().await;
        let claimed = in_order(&db, "skip").await;
        let head = claimed.jobs.iter().find(|job| job.body == body(1, 1)).unwrap();
        assert!(db.settle(outcome, [head]).await.is_empty());
        let worker = db.worker(&["t"]).await;
        let next = worker.claim(10).await;
        if delay > 0 {
            assert!(next.is_empty(), "{outcome}: {next:?}");
            assert_right(&db).await;
            db.advance(Duration::from_secs(delay)).await;
            db.run("select jobs.promote()").await;
        }
        let again = if delay > 0 { worker.claim(10).await } else { next };
        assert_eq!(again.jobs.iter().map(|job| &job.body).collect::<Vec<_>>(), [&body(1, 1)], "{outcome}");
        db.settle("success", &again.jobs).await;
        assert_eq!(worker.claim(10).await.jobs[0].body, body(1, 2), "{outcome}");
        assert_right(&db).await;
    }
}

#[tokio::test]
async fn a_dead_job_in_order_lets_the_next_go_or_holds_its_key() {
    for (policy, goes_on) in [("skip", true), ("hold", false), ("pause", false)] {
        let db = Db::new().await;
        let claimed = in_order(&db, policy).await;
        let head = claimed.jobs.iter().find(|job| job.body == body(1, 1)).unwrap();
        db.settle("fail", [head]).await;
        let worker = db.worker(&["t"]).await;
        let next = worker.claim(10).await;
        assert_eq!(next.len(), usize::from(goes_on), "{policy}");
        put(&db, "t", 3, 1).await;
        assert_eq!(keys(&worker.claim(10).await), [3], "{policy}: others go on");
        assert_right(&db).await;
        if policy == "hold" {
            db.run(&format!("select jobs.retry(array['{}'])", head.job_id)).await;
            let again = worker.claim(10).await;
            assert_eq!(again.jobs[0].body, body(1, 1), "run again by hand, before the others");
            db.settle("success", &again.jobs).await;
        } else if !goes_on {
            assert!(db.one::<bool>("select jobs.release_key('o', '[1]')").await);
        } else {
            db.settle("success", &next.jobs).await;
        }
        let rest = worker.claim(10).await;
        assert_eq!(rest.jobs[0].body, body(1, if goes_on { 3 } else { 2 }), "{policy}");
        assert_right(&db).await;
    }
}

/// The last run of a job that its worker took along counts as dead.
#[tokio::test]
async fn a_job_in_order_whose_worker_dies_runs_before_the_next() {
    let db = Db::with_clock().await;
    limit(&db, "o", "t", &IN_ORDER.replace("POLICY", "hold")).await;
    for d in 1..=2 {
        db.publish("t", body(1, d)).max_retries(2).await;
    }
    for run in 1..=2 {
        let worker = db.worker_with_lease(&["t"], 10).await;
        let claimed = worker.claim(10).await;
        assert_eq!(claimed.jobs.iter().map(|job| &job.body).collect::<Vec<_>>(), [&body(1, 1)], "run {run}");
        db.advance(Duration::from_secs(60)).await;
        db.run("select jobs.sweep(1000)").await;
        assert_right(&db).await;
    }
    assert_eq!(db.count("failed").await, 1);
    assert!(db.worker(&["t"]).await.claim(10).await.is_empty(), "its key is held");
    assert_eq!(db.one::<i64>("select count(*) from jobs.blocked_keys()").await, 1);
}

/// Beside another limit, which has room for more.
#[tokio::test]
async fn one_job_of_a_key_in_order_runs_whatever_follows_when_it_dies() {
    for policy in ["skip", "hold", "pause"] {
        let db = Db::new().await;
        limit(&db, "o", "t", &IN_ORDER.replace("POLICY", policy)).await;
        limit(&db, "a", "t", r#"{"key": ["c"], "max": 3}"#).await;
        put(&db, "t", 1, 5).await;
        let worker = db.worker(&["t"]).await;
        assert_eq!(worker.claim(10).await.len(), 1, "{policy}");
        assert_eq!((held(&db, "o").await, held(&db, "a").await), (vec![1], vec![1]), "{policy}");
    }
}

/// All jobs of its tasks are one line.
#[tokio::test]
async fn a_limit_in_order_without_a_key_goes_on_with_the_job_that_runs_again() {
    for (outcome, delay) in [("retry", 60), ("snooze", 60), ("release", 0)] {
        let db = Db::with_clock().await;
        limit(&db, "o", "t", r#"{"in_order": true, "on_dead": "hold"}"#).await;
        let worker = db.worker(&["t"]).await;
        for c in 1..=3 {
            put(&db, "t", c, 1).await;
        }
        let first = worker.claim(10).await;
        assert_eq!(keys(&first), [1]);
        db.settle(outcome, &first.jobs).await;
        if delay > 0 {
            assert!(worker.claim(10).await.is_empty(), "{outcome}");
            db.advance(Duration::from_secs(delay)).await;
            db.run("select jobs.promote()").await;
        }
        let again = worker.claim(10).await;
        assert_eq!(keys(&again), [1], "{outcome}");
        db.settle("fail", &again.jobs).await;
        assert!(worker.claim(10).await.is_empty(), "{outcome}: held");
        db.run(&format!("select jobs.retry(array['{}'])", again.jobs[0].job_id)).await;
        let last = worker.claim(10).await;
        assert_eq!(keys(&last), [1], "{outcome}");
        db.settle("success", &last.jobs).await;
        assert_eq!(keys(&worker.claim(10).await), [2], "{outcome}");
        assert_right(&db).await;
    }
}

/// It waits for its next run while its limit goes.
#[tokio::test]
async fn a_job_that_keeps_a_slot_of_a_dropped_limit_leaves_nothing() {
    let db = Db::new().await;
    let claimed = in_order(&db, "skip").await;
    db.settle("snooze", &claimed.jobs).await;
    db.run("select jobs.drop_limit('o'); select jobs.maintain()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_limit").await, 0);
    db.run("select count(*) from jobs.cancel(array(select q.job_id::text from jobs.pending q))").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.bucket_delta").await, 0);
}
