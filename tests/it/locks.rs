//! Which locks are taken: none that others can take, none wider than the result, none while a client reads.

use pgjobs_tests::Db;
use sqlx::Executor;

const WORKER: &str = "00000000-0000-7000-8000-000000000000";

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
    db.run("select jobs.publish('a') from generate_series(1, 3); select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[640]), null, null, null, null, null, i_pack => true)").await;
    db.run(&format!("select jobs.register_worker('{WORKER}', 'host', 1, '1', '{{*}}', '{{a}}', 9, 10)"))
        .await;
    let mut client = db.connect().await;
    client.execute("begin").await.unwrap();
    let got = sqlx::query("select * from jobs.consume(10)").fetch_all(&mut client).await.unwrap();
    assert_eq!(got.len(), 3, "as many as are by themselves");
    let claim = format!("select count(*) from jobs.claim('{WORKER}', '{{a}}', 1000, gen_random_uuid(), 5)");
    assert_eq!(db.one::<i64>(&claim).await, 10, "all rows of several jobs are free");
    client.execute("rollback").await.unwrap();
}

/// A worker whose claim has not committed, as when its client is frozen, holds up neither the claims of others nor,
/// once it is dead, anything but the jobs of that claim.
#[tokio::test]
async fn a_claim_that_does_not_commit_stops_nobody() {
    let db = Db::with_clock().await;
    let other = "00000000-0000-7000-8000-000000000001";
    for worker in [WORKER, other] {
        db.run(&format!(
            "select jobs.register_worker('{worker}', 'host', 1, '1', '{{*}}', '{{a,b}}', 9, 10)"
        ))
        .await;
    }
    db.run("select jobs.publish('a') from generate_series(1, 1000)").await;
    db.run(&format!("select jobs.claim('{other}', '{{a}}', 5, gen_random_uuid(), 5)")).await;
    let mut frozen = db.connect().await;
    frozen.execute("begin").await.unwrap();
    let claim = |worker: &str| {
        format!("select count(*) from jobs.claim('{worker}', '{{a}}', 300, gen_random_uuid(), 5)")
    };
    frozen.execute(sqlx::AssertSqlSafe(claim(WORKER))).await.unwrap();
    db.run("set statement_timeout = '10s'").await;
    assert!(db.one::<i64>(&claim(other)).await > 0);
    db.advance(std::time::Duration::from_secs(11)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep(1000)").await, 305, "all that the other holds");
    frozen.execute("rollback").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 1000);
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
    let mut second = db.connect().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut second).await.unwrap();
    let waiting = tokio::spawn(async move { second.execute(sqlx::AssertSqlSafe(publish)).await.map(drop) });
    pgjobs_tests::until("the second waits", async || {
        db.one::<bool>(&format!("select cardinality(pg_blocking_pids({pid})) > 0")).await
    })
    .await;
    first.execute("commit").await.unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "PT409");
}
