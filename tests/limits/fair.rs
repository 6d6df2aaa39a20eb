//! Keys that take turns, keys that are closed, and starts that are taken without a job.

use std::time::Duration;

use pgjobs_tests::Db;

use crate::slots::{assert_right, keys, limit, put};

/// Which key each of so many claims of one job takes, whose runs take these seconds by key.
async fn turns(db: &Db, claims: usize, seconds: [u64; 2]) -> Vec<i64> {
    let worker = db.worker(&["t"]).await;
    let mut taken = Vec::new();
    for _ in 0..claims {
        let claimed = worker.claim(1).await;
        let key = keys(&claimed)[0];
        db.advance(Duration::from_secs(seconds[usize::try_from(key - 1).unwrap()])).await;
        db.settle("success", &claimed.jobs).await;
        taken.push(key);
    }
    taken
}

fn of_two(turns: &[i64]) -> usize {
    turns.iter().filter(|key| **key == 2).count()
}

#[tokio::test]
async fn keys_share_the_time_by_weight_from_when_they_come() {
    for (options, seconds, share) in [
        (r#"{"key": ["c"], "fair": true}"#, [1, 1], 10),
        (r#"{"key": ["c"], "fair": true, "weights": {"2": 3}}"#, [1, 1], 15),
        (r#"{"key": ["c"], "fair": true}"#, [3, 1], 13),
    ] {
        let db = Db::with_clock().await;
        limit(&db, "f", "t", options).await;
        put(&db, "t", 1, 60).await;
        assert_eq!(of_two(&turns(&db, 20, seconds).await), 0);
        put(&db, "t", 2, 60).await;
        let taken = turns(&db, 20, seconds).await;
        assert_eq!(
            taken.iter().position(|key| *key == 2),
            Some(0),
            "a single job waits for no more than a run"
        );
        let got = of_two(&taken);
        assert!(got.abs_diff(share) <= 2, "{options}: {got} of 20: {taken:?}");
        assert_right(&db).await;
    }
}

#[tokio::test]
async fn a_closed_key_starts_nothing_until_its_time_or_its_release() {
    let db = Db::with_clock().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 5}"#).await;
    put(&db, "t", 1, 2).await;
    let worker = db.worker(&["t"]).await;
    let close = "select jobs.block_key('a', '1', jobs.now() + interval '10 s', 'busy')";
    db.run(close).await;
    assert!(worker.claim(10).await.is_empty());
    let again = format!(
        "select extract(epoch from c.run_at - jobs.now())::float8 from jobs.claim('{}', '{{t}}', 10, gen_random_uuid()) c where c.part is null",
        worker.id
    );
    assert_eq!(db.all::<f64>(&again).await, [10.0]);
    db.advance(Duration::from_secs(10)).await;
    assert_eq!(worker.claim(1).await.len(), 1);
    db.run(close).await;
    assert!(worker.claim(10).await.is_empty());
    db.run("select jobs.release_key('a', '1')").await;
    assert_eq!(worker.claim(10).await.len(), 1);
    assert_right(&db).await;
}

#[tokio::test]
async fn starts_taken_by_hand_and_by_claims_are_one_rate() {
    let db = Db::with_clock().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "rates": ["10/s"], "burst": 5}"#).await;
    put(&db, "t", 1, 10).await;
    let acquire = async |cost: i32| db.one::<f64>(&format!("select jobs.acquire('a', '1', {cost})")).await;
    assert!(acquire(3).await.abs() < 1e-9);
    let worker = db.worker(&["t"]).await;
    assert_eq!(worker.claim(10).await.len(), 2);
    let wait = acquire(1).await;
    assert!((wait - 0.1).abs() < 0.01, "{wait}");
    db.advance(Duration::from_millis(200)).await;
    assert!(acquire(1).await.abs() < 1e-9);
    assert_eq!(worker.claim(10).await.len(), 1, "the other one of those that the time brought");
    assert!(worker.claim(10).await.is_empty());
    assert_right(&db).await;
}

/// A job costs more than the rate has left: the claim says when it has as much.
#[tokio::test]
async fn a_claim_says_when_the_next_start_comes_also_where_it_is_too_little() {
    let db = Db::with_clock().await;
    limit(&db, "a", "t", r#"{"rates": ["10/s"], "burst": 5, "cost": "d"}"#).await;
    for d in [3, 4] {
        db.publish("t", crate::slots::body(1, d)).await;
    }
    let worker = db.worker(&["t"]).await;
    assert_eq!(worker.claim(10).await.len(), 1);
    let claim = format!(
        "select coalesce(extract(epoch from c.run_at - jobs.now())::float8, 0) + case when c.part is null then 0 else 100 end
         from jobs.claim('{}', '{{t}}', 10, gen_random_uuid()) c",
        worker.id
    );
    for _ in 0..2 {
        let again = db.all::<f64>(&claim).await;
        assert!(again.len() == 1 && (again[0] - 0.1).abs() < 1e-3, "{again:?}");
        db.advance(Duration::from_millis(100)).await;
    }
    assert_eq!(db.all::<f64>(&claim).await.first().map(|part| *part >= 100.0), Some(true));
}

/// What a worker remembers of how far it has read does not hide jobs that a limit lets go later.
#[tokio::test]
async fn a_job_that_a_limit_let_go_late_is_behind_no_watermark() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 1}"#).await;
    for key in [1, 1, 2, 2, 3] {
        put(&db, "t", key, 1).await;
    }
    let worker = db.worker(&["t"]).await;
    let first = worker.claim(10).await;
    assert_eq!(keys(&first), [1, 2, 3]);
    put(&db, "t", 4, 1).await;
    let last: i64 = db.one("select max(ready_seq) from jobs.pending").await;
    let next = worker.claim(10).watermark("t", 0, last).await;
    assert_eq!(keys(&next), [4]);
    db.settle("success", &first.jobs).await;
    let freed = worker.claim(1).watermark("t", 0, last + 1).await;
    assert_eq!(keys(&freed), [1]);
    db.settle("release", &freed.jobs).await;
    assert_eq!(keys(&worker.claim(10).watermark("t", 0, last + 1).await), [1, 2]);
    put(&db, "t", 4, 2).await;
    assert!(worker.claim(10).watermark("t", 0, last + 1).await.is_empty());
    assert!(db.one::<bool>("select jobs.drop_limit('a')").await);
    assert_eq!(keys(&worker.claim(10).watermark("t", 0, last + 100).await), [4, 4]);
}

/// Of many keys the first by turn are full, and wait.
#[tokio::test]
async fn keys_that_are_full_keep_no_other_key_of_a_fair_limit_back() {
    let db = Db::with_clock().await;
    limit(&db, "f", "t", r#"{"key": ["c"], "fair": true, "max": 1}"#).await;
    let publish = "select count(jobs.publish('t', jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object('c', c)))) from generate_series(FROM, TO) c, generate_series(1, 3)";
    let worker = db.worker(&["t"]).await;
    db.run(&publish.replace("FROM", "1").replace("TO", "150")).await;
    assert_eq!(worker.claim(150).await.len() + worker.claim(150).await.len(), 150);
    db.run(&publish.replace("FROM", "201").replace("TO", "210")).await;
    let others = worker.claim(20).await;
    assert_eq!(others.len(), 10);
    db.advance(Duration::from_secs(10)).await;
    db.settle("success", &others.jobs).await;
    for _ in 0..10 {
        assert_eq!(worker.claim(1).await.len(), 1);
    }
    assert_right(&db).await;
}

#[tokio::test]
async fn a_long_key_is_the_same_for_all_who_name_it() {
    let db = Db::with_clock().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "rates": ["10/s"]}"#).await;
    let long = "to_jsonb(repeat('x', 600))";
    db.run(&format!("select jobs.block_key('a', {long}, jobs.now() + interval '1 h')")).await;
    let wait: f64 = db.one(&format!("select jobs.acquire('a', {long})")).await;
    assert!((wait - 3600.0).abs() < 1.0, "{wait}");
}
