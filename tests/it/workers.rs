//! Workers as the database knows them: alive, declared dead, and what they claimed.

use std::time::Duration;

use pgjobs_tests::Db;

/// A sweep in small steps has declared it dead and not yet requeued all of its jobs.
#[tokio::test]
async fn a_worker_that_was_declared_dead_stays_dead() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 5).await;
    db.publish_many("a", 1..=4).await;
    assert_eq!(worker.claim(3).own_batch(&["a"]).await.len(), 3);
    db.advance(Duration::from_secs(6)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep(1)").await, 1);
    let dead = "select count(*) from jobs.worker where lost_at is not null";
    assert_eq!(db.one::<i64>(dead).await, 1, "two of its jobs are still running");
    assert_eq!(worker.claim(1).refusal().await, "PT410");
    db.run("select jobs.purge('a')").await;
    assert_eq!(worker.claim(1).refusal().await, "PT410", "also where there is no job for it");
    assert!(!worker.heartbeat().await);
    assert_eq!(db.one::<i32>("select jobs.sweep(10)").await, 2);
    db.run("truncate jobs.pending").await;
    assert_eq!(worker.claim(1).refusal().await, "PT410", "also where there is nothing to claim");
}

/// A released job is not charged when the next worker dies before it begins the job.
#[tokio::test]
async fn a_released_job_has_not_begun_when_it_is_prefetched_again() {
    let db = Db::with_clock().await;
    let (first, second) = (db.worker_with_lease(&["a"], 10).await, db.worker_with_lease(&["a"], 10).await);
    db.publish_many("a", 1..=2).max_retries(2).await;
    let claimed = first.claim(2).ahead(1).await;
    assert_eq!(claimed.started(), 1);
    assert_eq!(first.release(claimed.lease).await, 2);
    let again = second.claim(2).ahead(1).await;
    assert_eq!((again.len(), again.started()), (2, 1), "the second has not begun");
    db.advance(Duration::from_secs(11)).await;
    db.run("select jobs.sweep(9)").await;
    assert_eq!(db.all::<i32>("select retries from jobs.job_queue order by 1").await, [0, 1]);
}

#[tokio::test]
async fn a_release_without_a_lease_is_refused() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    assert_eq!(db.refusal(&format!("select jobs.release('{}', null)", worker.id)).await.0, "PT400");
    db.publish("a", 1).await;
    assert_eq!(worker.claim(1).await.len(), 1, "and leaves no trace");
}

#[tokio::test]
async fn a_worker_of_the_nil_id_dies_like_others() {
    let db = Db::with_clock().await;
    let nil = "00000000-0000-0000-0000-000000000000";
    db.run(&format!("select jobs.register_worker('{nil}', 'h', 1, 'v', '{{}}', '{{a}}', 1, 5)")).await;
    db.publish("a", 1).await;
    let claim = format!("select count(*) from jobs.claim('{nil}', '{{a}}', 1, gen_random_uuid())");
    assert_eq!(db.one::<i64>(&claim).await, 1);
    db.advance(Duration::from_secs(6)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep(10)").await, 1);
}

#[tokio::test]
async fn fail_next_without_a_worker_is_refused() {
    let db = Db::new().await;
    db.publish("a", 1).await;
    assert_eq!(db.refusal("select jobs.fail_next(null, '{a}', gen_random_uuid(), 'x')").await.0, "PT400");
    assert_eq!(db.one::<i64>("select jobs.count('pending')").await, 1);
}
