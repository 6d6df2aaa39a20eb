//! Sessions that meet at a limit, each in chosen steps.

use pgjobs_tests::{Db, waiting};
use sqlx::Executor;

use crate::slots::{assert_right, body, held, keys, limit, put};

#[tokio::test]
async fn two_claims_at_the_same_time_take_no_slot_twice() {
    for end in ["commit", "rollback"] {
        let db = Db::new().await;
        limit(&db, "a", "t", r#"{"key": ["c"], "max": 2}"#).await;
        put(&db, "t", 1, 6).await;
        let worker = db.worker(&["t"]).await;
        let mut first = db.connect().await;
        first.execute("begin").await.unwrap();
        assert_eq!(worker.claim(1).on(&mut first).await.len(), 1);
        let other = db.connect().await;
        let claim = format!(
            "select 1 from jobs.claim('{}', '{{t}}', 10, gen_random_uuid()) c, unnest(c.jobs)",
            worker.id
        );
        let second = waiting(&db, other, claim).await;
        first.execute(end).await.unwrap();
        let got = second.await.unwrap().unwrap().len();
        assert_eq!(got, if end == "commit" { 1 } else { 2 }, "{end}");
        assert_eq!(held(&db, "a").await, [2]);
        assert_right(&db).await;
    }
}

/// Workers leave out what a plain client's transaction has locked, and do other tasks.
#[tokio::test]
async fn an_open_transaction_of_a_plain_client_stops_no_other_task() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"max": 2}"#).await;
    put(&db, "t", 1, 3).await;
    put(&db, "u", 2, 3).await;
    let mut plain = db.connect().await;
    plain.execute("begin; select jobs.consume('t', 1)").await.unwrap();
    let worker = db.worker(&["t", "u"]).await;
    assert_eq!(keys(&worker.claim(10).await), [2, 2, 2]);
    let again = format!(
        "select count(*) from jobs.claim('{}', '{{t,u}}', 10, gen_random_uuid()) c where c.part is null and c.run_at is not null",
        worker.id
    );
    assert_eq!(db.one::<i64>(&again).await, 1, "it is told to look again");
    plain.execute("commit").await.unwrap();
    assert_eq!(keys(&worker.claim(10).await), [1]);
    assert_right(&db).await;
}

#[tokio::test]
async fn a_plain_client_and_workers_share_a_limit() {
    let db = Db::new().await;
    limit(&db, "a", "*", r#"{"max": 3}"#).await;
    put(&db, "t", 1, 9).await;
    let plain = db.consume(2).await;
    let worker = db.worker(&["t"]).await;
    assert_eq!((plain.len(), worker.claim(10).await.len()), (2, 1));
    assert!(db.consume(5).await.is_empty());
    db.run(&format!("select jobs.ack('{}')", plain[0].job_id)).await;
    assert_eq!(worker.claim(10).await.len(), 1);
    assert_right(&db).await;
}

/// The lock of a limit shows an old snapshot nothing of what the last turn took.
#[tokio::test]
async fn a_claim_with_an_old_snapshot_is_refused() {
    for isolation in ["repeatable read", "serializable"] {
        let db = Db::new().await;
        limit(&db, "a", "*", r#"{"max": 2}"#).await;
        put(&db, "t", 1, 3).await;
        put(&db, "u", 1, 3).await;
        let mut old = db.connect().await;
        old.execute(&*format!("begin isolation level {isolation}; select count(*) from jobs.config").leak())
            .await
            .unwrap();
        let worker = db.worker(&["t"]).await;
        assert_eq!(worker.claim(2).await.len(), 2);
        let refused = old.execute("select jobs.consume('u', 10)").await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("40001"), "{isolation}: {refused}");
        old.execute("rollback").await.unwrap();
        old.execute(
            &*format!("begin isolation level {isolation}; select jobs.consume('u', 10); commit").leak(),
        )
        .await
        .unwrap();
        assert_eq!(held(&db, "a").await, [2]);
        assert_right(&db).await;
    }
}

/// Those who end runs wait for nobody, and nobody waits for them.
#[tokio::test]
async fn a_settle_waits_for_no_claim_of_its_limit() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 1}"#).await;
    put(&db, "t", 1, 2).await;
    put(&db, "t", 2, 1).await;
    let worker = db.worker(&["t"]).await;
    let claimed = worker.claim(2).await;
    let mut session = db.connect().await;
    session.execute("begin").await.unwrap();
    worker.claim(10).on(&mut session).await;
    assert!(db.settle("success", &claimed.jobs).await.is_empty(), "while a claim has the limit");
    session.execute("commit").await.unwrap();
    let next = worker.claim(10).await;
    assert_eq!(next.jobs.len(), 1);
    assert_eq!(next.jobs[0].body, body(1, 0));
    assert_right(&db).await;
}

/// What was said in transactions that commit in another order than they began is applied once.
#[tokio::test]
async fn slots_come_back_once_whatever_the_order_of_commits() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 3}"#).await;
    put(&db, "t", 1, 9).await;
    let worker = db.worker(&["t"]).await;
    let claimed = worker.claim(1).await;
    let mut rest = worker.claim(2).own_batch(&["t"]).await.jobs;
    let mut late = db.connect().await;
    late.execute("begin; select pg_current_xact_id()").await.unwrap();
    db.settle("success", &claimed.jobs).await;
    assert_eq!(worker.claim(10).await.len(), 1);
    let last = rest.pop().unwrap();
    db.settle("success", [&last]).on(&mut late).await;
    db.settle("success", &rest).await;
    assert_eq!(worker.claim(10).await.len(), 1, "the other one is not committed");
    late.execute("commit").await.unwrap();
    assert_eq!(worker.claim(10).await.len(), 1);
    assert!(worker.claim(10).await.is_empty());
    assert_eq!(held(&db, "a").await, [3]);
    assert_right(&db).await;
}

/// As after a row was deleted by hand, or an error of ours.
#[tokio::test]
async fn a_counter_that_is_wrong_is_corrected_and_noted() {
    let db = Db::new().await;
    limit(&db, "a", "t", r#"{"key": ["c"], "max": 2}"#).await;
    put(&db, "t", 1, 4).await;
    put(&db, "t", 2, 1).await;
    let worker = db.worker(&["t"]).await;
    assert_eq!(worker.claim(3).await.len(), 3);
    for (wrong, number) in
        [("update jobs.bucket set held = held + 1", 2), ("delete from jobs.bucket where held = 2", 2)]
    {
        db.run(wrong).await;
        assert_eq!(db.one::<i64>("select jobs.check_limits()").await, number, "{wrong}");
        assert_right(&db).await;
    }
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.audit_log() where action = 'correct_limits'").await,
        2
    );
    assert!(worker.claim(10).await.is_empty());
    let all = "select jobs.settle(array_agg(r.job_id::text), array_agg(r.lease)) from jobs._runs r";
    db.run(all).await;
    assert_eq!(worker.claim(10).await.len(), 2, "who was blocked is found again");
    assert_right(&db).await;
    put(&db, "t", 3, 1).await;
    put(&db, "t", 3, 1).await;
    put(&db, "t", 3, 1).await;
    assert_eq!(worker.claim(10).await.len(), 2);
    db.run("delete from jobs.job_limit; delete from jobs.bucket").await;
    assert!(worker.claim(10).await.is_empty());
    assert_right(&db).await;
    assert_eq!(worker.claim(10).await.len(), 1, "whose limit is not there any more");
}
