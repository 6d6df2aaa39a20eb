//! Two sessions meet at a claim, each in chosen steps, as in races.rs.

use pgjobs_tests::{Claimed, Db, ManualWorker, waiting};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::sessions::{one, states, two};

/// Begins a transaction and claims in it.
async fn claim_uncommitted(session: &mut PgConnection, worker: &ManualWorker<'_>, num: i32) -> Claimed {
    session.execute("begin").await.unwrap();
    worker.claim(num).on(session).await
}

#[tokio::test]
async fn a_claim_takes_what_was_asked_for_whatever_the_statistics() {
    let db = Db::new().await;
    let worker = db.worker(&["a", "b"]).await;
    db.run("analyze jobs.pending; alter table jobs.pending set (autovacuum_enabled = off)").await;
    db.publish_many("a", 1..=500).await;
    db.publish_many("b", 1..=500).await;
    let (mut consuming, mut claiming) = two(&db).await;
    consuming.execute("begin").await.unwrap();
    for num in [1, 7, 60] {
        let claimed = worker.claim(num).on(&mut claiming).await;
        assert_eq!(claimed.len(), num as usize);
        assert_eq!(worker.release(claimed.lease).await, num);
        let consume = format!("select count(*) from jobs.consume({num})");
        assert_eq!(one::<i64>(&mut consuming, &consume).await, i64::from(num));
    }
}

#[tokio::test]
async fn a_lease_that_was_released_claims_no_more() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=2).await;
    let lease = worker.claim(1).await.lease;
    worker.release(lease).await;
    assert_eq!(worker.claim(1).lease(lease).refusal().await, "PT410");
    assert_eq!(worker.claim(1).await.len(), 1, "under another it does");
}

/// A watermark says that nobody waits before it, so a publisher that drew an earlier number must be seen before one is
/// set.
#[tokio::test]
async fn a_publisher_that_commits_late_is_seen_to_be_open() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let mut late = db.connect().await;
    late.execute("begin").await.unwrap();
    db.publish("a", 1).on(&mut late).await;
    db.publish("a", 2).await;
    let claimed = worker.claim(5).await;
    assert_eq!(claimed.bodies(), [2], "the later number committed first");
    let publisher: i64 = one(&mut late, "select pg_current_xact_id()::text::bigint").await;
    let (unseen, next) = claimed.horizon.expect("of a claim that took something");
    assert!(unseen <= publisher && publisher < next, "no watermark may be set yet");
}

#[tokio::test]
async fn a_job_committed_late_is_found_without_watermarks() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let mut late = db.connect().await;
    late.execute("begin").await.unwrap();
    db.publish("a", 1).on(&mut late).await;
    db.publish("a", 2).await;
    let later = worker.claim(5).await.ids()[0];
    late.execute("commit").await.unwrap();
    assert!(worker.claim(5).watermark("a", 0, later).await.is_empty(), "one set too soon hides it");
    assert_eq!(worker.claim(5).await.bodies(), [1]);
}

#[tokio::test]
async fn cancelling_a_packed_job_waits_for_the_claim_that_has_it() {
    for (num, end, status) in
        [(64, "commit", "running"), (3, "commit", "running"), (64, "rollback", "pending")]
    {
        let db = Db::new().await;
        let worker = db.worker(&["a"]).await;
        let first = db.publish_packed("a", 1..=64).await.swap_remove(0);
        let (mut claiming, cancelling) = two(&db).await;
        assert_eq!(claim_uncommitted(&mut claiming, &worker, num).await.len(), num as usize);
        let cancelling = waiting(&db, cancelling, format!("select jobs.cancel(array['{first}'])")).await;
        claiming.execute(end).await.unwrap();
        assert_eq!(cancelling.await.unwrap().unwrap().len(), 1, "{num} {end}");
        let cancelled = format!("select status::text from jobs.get('{first}')");
        assert_eq!(db.one::<String>(&cancelled).await, "cancelled");
        assert_eq!(db.one::<i64>("select count(*) from jobs.\"all\"").await, 64, "none is lost");
        let second = format!("select status from jobs.\"all\" where job_id <> '{first}' order by id limit 1");
        assert_eq!(db.one::<String>(&second).await, status, "{num} {end}");
    }
}

#[tokio::test]
async fn a_claim_passes_over_a_packed_row_of_which_one_is_being_cancelled() {
    let db = Db::new().await;
    let worker = db.worker(&["a", "b"]).await;
    let first = db.publish_packed("a", 1..=64).await.swap_remove(0);
    db.publish("b", 1).await;
    let (mut cancelling, mut claiming) = two(&db).await;
    let cancel = format!("begin; select jobs.cancel(array['{first}'])");
    cancelling.execute(AssertSqlSafe(cancel)).await.unwrap();
    assert_eq!(worker.claim(100).on(&mut claiming).await.jobs[0].task, "b");
    assert_eq!(db.one::<i64>("select count(*) from jobs.batch").await, 1, "it alone");
    cancelling.execute("commit").await.unwrap();
    assert_eq!(worker.claim(100).on(&mut claiming).await.len(), 63);
}

#[tokio::test]
async fn failing_a_pending_job_waits_for_its_claim_and_charges_once() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish("a", 1).await;
    let (mut claiming, failing) = two(&db).await;
    let claimed = claim_uncommitted(&mut claiming, &worker, 1).await;
    let nack = "select jobs.nack(job_id, 'no', null, false) from jobs.job_queue";
    let failing = waiting(&db, failing, nack.into()).await;
    claiming.execute("commit").await.unwrap();
    failing.await.unwrap().unwrap();
    assert_eq!(states(&db).await, ["a pending 1 1"], "one start, one charge");
    assert_eq!(db.settle("success", &claimed.jobs).await, ["lost"], "the run that was failed");
}

/// A worker that leaves while its own last claim is under way.
#[tokio::test]
async fn what_a_leaving_worker_still_claims_is_requeued_by_the_next_sweep() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish_many("a", 1..=3).await;
    let (mut claiming, mut other) = two(&db).await;
    assert_eq!(claim_uncommitted(&mut claiming, &worker, 3).await.len(), 3);
    db.run(&format!("select jobs.unregister_worker('{}')", worker.id)).await;
    claiming.execute("commit").await.unwrap();
    assert_eq!(one::<i32>(&mut other, "select jobs.sweep()").await, 3);
    assert_eq!(worker.claim(3).refusal().await, "PT410");
    assert_eq!(states(&db).await, ["a pending 1 1"; 3]);
    assert_eq!(one::<i32>(&mut other, "select jobs.sweep()").await, 0);
    let workers: i64 = db.one("select count(*) from jobs.worker").await;
    assert_eq!(workers, 0, "and then the worker is forgotten");
}

/// The session of a claim whose answer never came may still be at work on it.
#[tokio::test]
async fn releasing_a_claim_waits_for_the_claim() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish("a", 1).await;
    let (mut claiming, releasing) = two(&db).await;
    let lease = claim_uncommitted(&mut claiming, &worker, 1).await.lease;
    let release = format!("select jobs.release('{}', '{lease}')", worker.id);
    let releasing = waiting(&db, releasing, release).await;
    claiming.execute("commit").await.unwrap();
    assert_eq!(releasing.await.unwrap().unwrap()[0].get::<i32, _>(0), 1);
    assert_eq!(states(&db).await, ["a pending 0 1"]);
}
