//! Which locks are taken: none that others can take, none wider than the result, none while a client reads.

use pgjobs_tests::{Db, waiting};
use sqlx::Executor;

use crate::sessions::one;

/// Every role of the server may take an advisory lock, under any key: none may guard anything.
#[tokio::test]
async fn no_function_takes_an_advisory_lock() {
    let db = Db::new().await;
    let found =
        "select proname::text from pg_proc where pronamespace = 'jobs'::regnamespace and prosrc ~ 'advisory'";
    assert_eq!(db.all::<String>(found).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_plain_client_locks_what_it_gets() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=3).await;
    db.publish_packed("a", 4..=643).await;
    let mut client = db.connect().await;
    client.execute("begin").await.unwrap();
    let got = sqlx::query("select * from jobs.consume(10)").fetch_all(&mut client).await.unwrap();
    assert_eq!(got.len(), 3, "as many as have a row each");
    let claimed = worker.claim(1000).await;
    assert_eq!((claimed.started(), claimed.batches.len()), (640, 10), "all packed rows are free");
    client.execute("rollback").await.unwrap();
}

/// A worker whose claim has not committed, as when its client is frozen, holds up neither the claims of others nor,
/// once it is dead, anything but the jobs of that claim.
#[tokio::test]
async fn a_claim_that_does_not_commit_stops_nobody() {
    let db = Db::with_clock().await;
    let (frozen, other) = (db.worker_with_lease(&["a"], 10).await, db.worker_with_lease(&["a"], 10).await);
    db.publish_many("a", 1..=1000).await;
    let mut session = db.connect().await;
    session.execute("begin").await.unwrap();
    assert_eq!(frozen.claim(300).on(&mut session).await.started(), 300);
    let mut limited = db.connect().await;
    limited.execute("set statement_timeout = '10s'").await.unwrap();
    assert_eq!(other.claim(305).on(&mut limited).await.started(), 305);
    db.advance(std::time::Duration::from_secs(11)).await;
    assert_eq!(one::<i32>(&mut limited, "select jobs.sweep(1000)").await, 305, "all that the other has");
    session.execute("rollback").await.unwrap();
    assert_eq!(db.pending_rows().await, 1000);
}

/// Two publishers of one id: the second waits for the first, and finds the job wherever it is by then.
#[tokio::test]
async fn an_id_that_was_published_and_claimed_meanwhile_is_refused() {
    let db = Db::new().await;
    let id: String = db.one("select jobs._new_job_id(jobs._id_time(now()), 1)").await;
    let publish =
        format!("select jobs.publish_arrays('{{a}}', '{{null}}', null, null, null, null, null, '{{{id}}}')");
    let mut first = db.connect().await;
    first.execute("begin").await.unwrap();
    first.execute(sqlx::AssertSqlSafe(publish.clone())).await.unwrap();
    first.execute("select jobs.consume(1)").await.unwrap();
    let waiting = waiting(&db, db.connect().await, publish).await;
    first.execute("commit").await.unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "PT409");
}
