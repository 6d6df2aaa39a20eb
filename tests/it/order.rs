//! What becomes ready when: due jobs, jobs of the dead, and what a limit leaves.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::Executor;
use sqlx::types::Uuid;

/// The bodies of pending jobs in their order, with the runs that they were charged.
async fn queue(db: &Db) -> Vec<String> {
    db.all("select body::text || ':' || retries from jobs._waiting order by jobs._rank(priority, ready_seq), ready_seq").await
}

/// Longer than the lease of a worker here, 10 seconds, and shorter than a job's timeout.
async fn worker_dies(db: &Db) {
    db.advance(Duration::from_secs(11)).await;
}

#[tokio::test]
async fn a_dead_workers_jobs_are_first_and_charged_only_if_they_began() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish_many("a", 1..=2).await;
    db.publish("a", 3).max_retries(1).await;
    db.publish_many("a", 4..=6).await;
    assert_eq!(worker.claim(4).ahead(2).await.len(), 4);
    worker_dies(&db).await;
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 4);
    assert_eq!(queue(&db).await, ["1:1", "2:1", "3:0", "4:0", "5:0", "6:0"]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 0, "3 had one run, and it never began");
}

#[tokio::test]
async fn packed_rows_are_charged_as_far_as_they_began() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish_packed("a", 1..=128).await;
    assert_eq!(worker.claim(128).ahead(100).await.len(), 128);
    worker_dies(&db).await;
    assert_eq!(db.one::<i32>("select jobs.sweep(1000)").await, 128);
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where retries = 1").await, 28);
}

/// What `jobs.start` refuses to begin of these, as positions in the list.
async fn refused_starts(db: &Db, worker: Uuid, lease: Uuid, batch_indexes: &[i32]) -> Vec<i32> {
    sqlx::query_scalar("select jobs.start($1, array_fill($2::uuid, array[cardinality($3)]), $3)")
        .bind(worker)
        .bind(lease)
        .bind(batch_indexes)
        .fetch_all(&db.pool)
        .await
        .expect("start")
}

#[tokio::test]
async fn runs_that_begin_later_are_reported_and_then_charged() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish("a", 1).await;
    db.publish("a", 2).max_retries(1).await;
    db.publish_many("a", 3..=4).await;
    let lease = worker.claim(4).ahead(4).await.lease;
    assert_eq!(refused_starts(&db, worker.id, lease, &[1, 7]).await, [2], "there is no seventh");
    let heartbeat = format!(
        "select alive from jobs.beat('{}', i_started_leases => '{{{lease}}}', i_started_batch_indexes => '{{2}}')",
        worker.id
    );
    assert!(db.one::<bool>(&heartbeat).await);
    worker_dies(&db).await;
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 4);
    assert_eq!(queue(&db).await, ["1:0", "3:1", "4:0"]);
    assert_eq!(db.one::<String>("select traceback from jobs.job").await, "lost: the worker died");
    assert_eq!(refused_starts(&db, worker.id, lease, &[0]).await, [1], "a requeued job must not begin");
}

#[tokio::test]
async fn due_jobs_become_ready_in_the_order_of_their_times() {
    let db = Db::with_clock().await;
    for seconds in [3, 1, 2] {
        db.publish("a", seconds).delay(f64::from(seconds)).await;
    }
    db.advance(Duration::from_secs(60)).await;
    assert_eq!(db.one::<i32>("select jobs.promote()").await, 3);
    assert_eq!(queue(&db).await, ["1:0", "2:0", "3:0"]);
}

#[tokio::test]
async fn maintain_returns_zero_while_there_is_more_than_its_limit() {
    let db = Db::with_clock().await;
    db.publish_many("a", 1..=5).delay(1.0).await;
    db.advance(Duration::from_secs(60)).await;
    for _ in 0..2 {
        assert_eq!(db.one::<Option<f64>>("select jobs.maintain(2)").await, Some(0.0));
    }
    assert_eq!(db.one::<Option<f64>>("select jobs.maintain(2)").await, None);
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where ready_seq is null").await, 0);
}

/// Of a batch whose runs have expired, what a sweep's limit leaves is found by the next.
#[tokio::test]
async fn the_limit_of_a_sweep_hides_nothing() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish_many("a", 1..=3).timeout(1.0).await;
    db.publish("a", 4).timeout(1000.0).await;
    assert_eq!(worker.claim(4).await.len(), 4);
    db.advance(Duration::from_secs(8)).await;
    for expected in [1, 1, 1, 0] {
        assert_eq!(db.one::<i32>("select jobs.sweep(1)").await, expected);
    }
    assert_eq!(db.count("running").await, 1);
}

/// A flag that was set while the clock was a day ahead does not stay a day.
#[tokio::test]
async fn a_flag_from_the_future_is_corrected() {
    let db = Db::new().await;
    db.run("select setval('jobs.sleeping_until', (extract(epoch from now()) * 1000)::bigint + 86400000); select jobs._sleep_for(1)").await;
    let ahead = "select last_value - (extract(epoch from now()) * 1000)::bigint from jobs.sleeping_until";
    assert!(db.one::<i64>(ahead).await < 120_000);
}

/// As long as the whole fleet is away, nobody sweeps: then the runs' own time is over as well.
#[tokio::test]
async fn jobs_that_never_began_are_not_charged_however_late_the_sweep_comes() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish_many("a", 1..=2).timeout(0.5).max_retries(1).await;
    db.publish("a", 3).timeout(0.5).await;
    assert_eq!(worker.claim(3).ahead(2).await.len(), 3);
    db.advance(Duration::from_secs(60)).await;
    db.run("select jobs.maintain()").await;
    assert_eq!(queue(&db).await, ["2:0", "3:0"]);
    let reason: String = db.one("select traceback from jobs.job").await;
    assert_eq!(reason, "expired: the run outlasted its timeout");
}

/// On its last run a worker says that it begins before it does, so what it did not say did not happen.
#[tokio::test]
async fn a_last_run_that_never_began_survives_any_number_of_workers() {
    let db = Db::with_clock().await;
    db.publish("a", 1).max_retries(1).await;
    for nth in 1..4 {
        let worker = db.worker_with_lease(&["a"], 10).await;
        assert_eq!(worker.claim(1).ahead(1).await.len(), 1);
        worker_dies(&db).await;
        assert_eq!(db.one::<i32>("select jobs.sweep()").await, 1);
        assert_eq!(queue(&db).await, ["1:0"], "worker {nth}");
    }
}

/// Its row is what finds its batches, and a transaction with an old snapshot does not see them all.
#[tokio::test]
async fn a_dead_worker_is_kept_by_who_cannot_see_its_newest_batch() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish("a", 1).timeout(600.0).await;
    worker_dies(&db).await; // late, and no sweep has found out
    let mut early = db.connect().await;
    early.execute("begin isolation level repeatable read; select 1").await.unwrap();
    assert_eq!(worker.claim(1).await.len(), 1);
    early.execute("select jobs.maintain(); commit").await.unwrap();
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 1);
    assert_eq!(queue(&db).await, ["1:1"]);
}
