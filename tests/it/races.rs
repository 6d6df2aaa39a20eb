//! Two sessions meet at a run that ends: a fixed list, each in chosen steps. Who must wait is seen waiting before the
//! other goes on; who must not wait would run into the time limit of its statements.
//!
//! Elsewhere: sessions that meet at a claim (claim_races.rs), two sweeps on one plain lease, and opposite orders of
//! settling freely run (faults.rs), two claims at one packed row (packed_claims.rs), twenty migrators (migrate.rs).

use std::time::Duration;

use pgjobs_tests::{ClaimedJob, Db, waiting};
use sqlx::Executor;

use crate::sessions::{code, one, states, two};

/// Two jobs that a plain client runs, also in a table `c`, and whose time is over.
async fn expired() -> (Db, Vec<ClaimedJob>) {
    let db = Db::with_clock().await;
    db.publish_many("a", 1..=2).timeout(1.0).await;
    let consumed = db.consume(2).await;
    db.run("create table c as select id, job_id, lease from jobs._runs").await;
    db.advance(Duration::from_secs(60)).await;
    (db, consumed)
}

#[tokio::test]
async fn of_two_sweeps_one_requeues_the_jobs_of_a_dead_worker() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 10).await;
    db.publish_many("a", 1..=3).await;
    assert_eq!(worker.claim(3).await.len(), 3);
    db.advance(Duration::from_secs(11)).await;
    let (mut first, mut second) = two(&db).await;
    first.execute("begin").await.unwrap();
    assert_eq!(one::<i32>(&mut first, "select jobs.sweep()").await, 3);
    assert_eq!(
        one::<i32>(&mut second, "select jobs.sweep()").await,
        0,
        "passes over what the first has locked"
    );
    first.execute("commit").await.unwrap();
    assert_eq!(one::<i32>(&mut second, "select jobs.sweep()").await, 0);
    assert_eq!(states(&db).await, ["a pending 1 1"; 3], "charged once");
}

#[tokio::test]
async fn a_sweep_passes_over_a_job_that_is_being_acked() {
    let (db, _) = expired().await;
    let (mut acking, mut sweeping) = two(&db).await;
    acking.execute("begin; select jobs.ack(job_id, null, lease) from c order by id limit 1").await.unwrap();
    assert_eq!(one::<i32>(&mut sweeping, "select jobs.sweep()").await, 1, "the other of the two");
    acking.execute("commit").await.unwrap();
    let mut all = states(&db).await;
    all.sort();
    assert_eq!(all, ["a pending 1 1", "a success 0 1"]);
}

/// Whoever comes after a sweep that has not committed waits for it and is refused.
#[tokio::test]
async fn a_late_ack_or_nack_waits_for_the_sweep_and_is_refused() {
    for call in ["jobs.ack(job_id, '1', lease)", "jobs.nack(job_id, 'late', null, true, lease)"] {
        let (db, _) = expired().await;
        let (mut sweeping, late) = two(&db).await;
        sweeping.execute("begin; select jobs.sweep()").await.unwrap();
        let late = waiting(&db, late, format!("select {call} from c order by id limit 1")).await;
        sweeping.execute("commit").await.unwrap();
        let error = late.await.unwrap().expect_err(call);
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "PT409", "{call}");
        assert_eq!(states(&db).await, ["a pending 1 1"; 2], "charged once, by the sweep: {call}");
    }
}

/// Every call under the lease of a run that a sweep has requeued.
async fn assert_lease_is_lost(db: &Db) {
    let mut session = db.connect().await;
    for call in
        ["ack(job_id, '1', lease)", "nack(job_id, 'late', null, true, lease)", "heartbeat(job_id, lease)"]
    {
        assert_eq!(code(&mut session, &format!("select jobs.{call} from c")).await, "PT409", "{call}");
    }
}

#[tokio::test]
async fn after_a_sweep_nothing_is_accepted_under_the_old_lease() {
    let (db, _) = expired().await;
    db.run("select jobs.sweep()").await;
    assert_lease_is_lost(&db).await;
}

#[tokio::test]
async fn the_next_run_is_not_disturbed_by_calls_under_the_old_lease() {
    let (db, _) = expired().await;
    db.run("select jobs.sweep()").await;
    db.advance(Duration::from_secs(60)).await;
    db.run("create table next as select * from jobs.consume(2)").await;
    assert_lease_is_lost(&db).await;
    assert_eq!(db.one::<i64>("select count(jobs.ack(job_id, '2', lease)) from next").await, 2);
}

/// A sweep that ended a job for good has ended it: a success that comes after is not taken for accepted.
#[tokio::test]
async fn a_success_after_the_sweep_of_the_last_run_is_lost() {
    let db = Db::with_clock().await;
    db.publish("a", 1).timeout(1.0).max_retries(1).await;
    let consumed = db.consume(1).await;
    db.advance(Duration::from_secs(60)).await;
    db.run("select jobs.sweep()").await;
    assert_eq!(db.settle("success", &consumed).await, ["lost"]);
    for outcome in ["verify", "fail"] {
        assert!(db.settle(outcome, &consumed).await.is_empty(), "{outcome}");
    }
    assert_eq!(states(&db).await, ["a failed 0 1"]);
}

#[tokio::test]
async fn settling_the_same_runs_in_opposite_orders_waits_for_nobody() {
    let db = Db::with_clock().await;
    db.publish_many("a", 1..=3).await;
    let consumed = db.consume(3).await;
    let (mut first, mut second) = two(&db).await;
    first.execute("begin").await.unwrap();
    assert!(db.settle("success", &consumed).on(&mut first).await.is_empty());
    let backwards = || db.settle("success", consumed.iter().rev());
    assert_eq!(backwards().on(&mut second).await, ["busy"; 3]);
    first.execute("commit").await.unwrap();
    assert!(backwards().on(&mut second).await.is_empty(), "accepted before");
    assert_eq!(states(&db).await, ["a success 0 1"; 3]);
}

#[tokio::test]
async fn of_two_who_maintain_partitions_one_works_and_the_other_returns() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(86_400 * 40)).await;
    let maintain = "select count(*) from jobs.maintain_partitions()";
    let (mut first, mut second) = two(&db).await;
    first.execute("begin").await.unwrap();
    assert!(one::<i64>(&mut first, maintain).await > 0);
    assert_eq!(one::<i64>(&mut second, maintain).await, 0);
    first.execute("commit").await.unwrap();
    assert_eq!(one::<i64>(&mut second, maintain).await, 0, "nothing is left to do");
}
