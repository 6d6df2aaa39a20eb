//! Every way to publish.

use std::time::Duration;

use pgjobs::{Error, NewJob, Task, Tx, Worker};
use pgjobs_tests::{Db, until};
use sqlx::postgres::PgPoolOptions;

use crate::tasks::{add, fail, mark, ship};

#[tokio::test]
async fn a_job_is_there_when_its_transaction_is_committed_and_not_before() {
    let db = Db::new().await;
    let mut tx = db.pool.begin().await.unwrap();
    add::publish(&mut *tx, 1).await.unwrap();
    add::publish(&mut tx, 2).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);
    tx.commit().await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 2);
}

#[tokio::test]
async fn a_thousand_jobs_of_one_transaction_all_run_once_or_none_exists() {
    let db = Db::new().await;
    db.run("create table runs (n bigint)").await;
    let mut tx = db.pool.begin().await.unwrap();
    pgjobs::publish_all(&mut *tx, (0..1000).map(mark::new)).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);

    let mut tx = db.pool.begin().await.unwrap();
    pgjobs::publish_all(&mut *tx, (0..1000).map(mark::new)).await.unwrap();
    tx.commit().await.unwrap();
    let report = Worker::new(db.pool.clone()).topic("mark.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, 1000);
    assert_eq!(db.one::<i64>("select count(*) from runs").await, 1000);
    assert_eq!(db.one::<i64>("select count(distinct n) from runs").await, 1000);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job where status = 'success' and attempt = 1").await,
        1000
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
}

#[tokio::test]
async fn every_publisher_works_inside_a_spawned_task() {
    let db = Db::new().await;
    let pool = db.pool.clone();
    tokio::spawn(async move {
        add::publish(&pool, 1).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        add::publish(&mut connection, 2).await.unwrap();
        add::publish(&mut *connection, 3).await.unwrap();
        drop(connection);
        let mut tx = pool.begin().await.unwrap();
        add::publish(&mut tx, 4).await.unwrap();
        pgjobs::publish_all(&mut *tx, [add::new(5)]).await.unwrap();
        NewJob::named("other.task").arg(1).kwarg("k", "v").publish(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        let tx = Tx::begin(&pool).await.unwrap();
        add::new(6).b(7).publish(&tx).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 7);
    let body: serde_json::Value = db.one("select body from jobs.all where task = 'other.task'").await;
    assert_eq!(body, serde_json::json!({"args": [1], "kwargs": {"k": "v"}}));
}

#[tokio::test]
async fn options_of_the_call_go_before_those_of_the_task() {
    let db = Db::with_clock().await;
    add::publish(&db.pool, 1)
        .priority(9)
        .retries(2)
        .timeout(Duration::from_millis(1500))
        .delay(Duration::from_secs(90))
        .await
        .unwrap();
    let shown: String = db
        .one("select priority || ' ' || max_retries || ' ' || timeout || ' ' || extract(epoch from scheduled_at - created_at)::int from jobs.job_queue")
        .await;
    assert_eq!(shown, "9 2 1.50 90");
    crate::tasks::flaky::publish(&db.pool, 1).await.unwrap();
    assert_eq!(db.one::<i32>("select max_retries from jobs.job_queue where task = 'fail.times'").await, 5);
}

#[tokio::test]
async fn a_body_has_every_argument_by_name() {
    let db = Db::new().await;
    add::new(1).publish(&db.pool).await.unwrap();
    let body: serde_json::Value = db.one("select body from jobs.job_queue").await;
    assert_eq!(body, serde_json::json!({"args": [], "kwargs": {"a": 1, "b": 10}}));
}

#[tokio::test]
async fn a_shared_transaction_knows_the_ids_before_it_sends_its_jobs() {
    let db = Db::new().await;
    let tx = Tx::begin(&db.pool).await.unwrap();
    let (first, second) = tokio::join!(add::publish(&tx, 1), add::publish(&tx, 2).priority(3));
    sqlx::query("create table mine (n bigint)").execute(&mut *tx.connection().await).await.unwrap();
    let ids = [first.unwrap(), second.unwrap()].map(|job| job.id().to_string());
    tx.commit().await.unwrap();
    assert_eq!(db.all::<String>("select job_id from jobs.all order by id").await, ids);
    assert_eq!(db.one::<i64>("select count(*) from mine").await, 0);

    let tx = Tx::begin(&db.pool).await.unwrap();
    add::publish(&tx, 3).await.unwrap();
    tx.rollback().await.unwrap();
    let tx = Tx::begin(&db.pool).await.unwrap();
    add::publish(&tx, 4).timeout(Duration::ZERO).await.unwrap();
    sqlx::query("insert into mine values (1)").execute(&mut *tx.connection().await).await.unwrap();
    let refused = tx.commit().await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { code, .. } if code == "PT400"), "{refused}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 2);
    assert_eq!(
        db.one::<i64>("select count(*) from mine").await,
        0,
        "nothing of a refused transaction remains"
    );
}

#[tokio::test]
async fn a_large_batch_is_all_or_nothing() {
    let db = Db::new().await;
    let jobs = pgjobs::publish_all(&db.pool, (0..12_345).map(add::new)).await.unwrap();
    assert_eq!(jobs.len(), 12_345);
    let first: i64 =
        db.one("select (body -> 'kwargs' ->> 'a')::bigint from jobs.job_queue order by id limit 1").await;
    assert_eq!(first, 0);
    assert!(pgjobs::publish_all(&db.pool, std::iter::empty::<add>()).await.unwrap().is_empty());
    let refused = pgjobs::publish_all(&db.pool, (0..12_000).map(add::new)).retries(0).await.unwrap_err();
    assert!(refused.to_string().contains("max_retries"), "{refused}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 12_345);
}

#[tokio::test]
async fn what_jsonb_cannot_store_is_refused_before_it_is_sent() {
    let db = Db::new().await;
    let order =
        crate::tasks::Order { id: 1, lines: vec![crate::tasks::Line { sku: "a\0b".into(), count: 1 }] };
    let refused = ship::publish(&db.pool, order).await.unwrap_err();
    assert!(refused.to_string().contains("NUL"), "{refused}");
    let refused = add::publish(&db.pool, 1).retries(u32::MAX).await.unwrap_err();
    assert!(matches!(refused, Error::Option { name: "retries", .. }), "{refused}");
}

/// The most memory that a session of the server ever took, its share of the buffers included.
#[cfg(target_os = "linux")]
async fn peak_megabytes(session: &mut sqlx::PgConnection) -> u64 {
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(session).await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// 100 MB of bodies once grew a session to a gigabyte; 128 MB of its figure are the buffers that all share.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_call_leaves_the_memory_of_the_session_small() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    let calls = (0..1000).map(|_| fail::new("x".repeat(100 * 1024)));
    let jobs = pgjobs::publish_all(&mut session, calls).await.unwrap();
    assert_eq!(jobs.len(), 1000);
    let peak = peak_megabytes(&mut session).await;
    println!("{peak} MB");
    assert!(peak < 350, "{peak} MB");
    let ids: Vec<String> = jobs.iter().map(|job| job.id().to_string()).collect();
    assert_eq!(db.all::<String>("select job_id from jobs.all order by id").await, ids, "in their order");

    let pool = PgPoolOptions::new().max_connections(1).connect_with(db.options()).await.unwrap();
    let tx = Tx::begin(&pool).await.unwrap();
    for _ in 0..1000 {
        fail::publish(&tx, "x".repeat(100 * 1024)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let peak = peak_megabytes(&mut pool.acquire().await.unwrap()).await;
    println!("{peak} MB");
    assert!(peak < 350, "{peak} MB");
}

#[tokio::test]
async fn a_refused_job_of_many_is_named_by_its_position() {
    let db = Db::new().await;
    let tx = Tx::begin(&db.pool).await.unwrap();
    for n in 1..=2100 {
        let call = add::publish(&tx, n);
        if n == 2050 { call.timeout(Duration::ZERO).await } else { call.await }.unwrap();
    }
    let refused = tx.commit().await.unwrap_err().to_string();
    assert!(refused.starts_with("job 2050 of 2100: timeout"), "{refused}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);

    let calls = [10, 9 << 20, 10].map(|length| fail::new("x".repeat(length)));
    let refused = pgjobs::publish_all(&db.pool, calls).await.unwrap_err().to_string();
    assert!(refused.starts_with("job 2 of 3: the body of task 'fail.how'"), "{refused}");
}

#[tokio::test]
async fn a_large_call_does_not_commit_a_transaction_unknown_to_sqlx() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    sqlx::raw_sql("begin").execute(&mut session).await.unwrap();
    pgjobs::publish_all(&mut session, (0..3000).map(add::new)).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);
    sqlx::raw_sql("rollback").execute(&mut session).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);
    pgjobs::publish_all(&mut session, (0..3000).map(add::new)).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 3000);
}

#[tokio::test]
async fn to_publish_nothing_takes_no_connection() {
    let nowhere = PgPoolOptions::new().connect_lazy("postgres://nobody@127.0.0.1:1/nowhere").unwrap();
    assert!(pgjobs::publish_all(&nowhere, std::iter::empty::<add>()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_shared_transaction_with_a_failed_statement_refuses_to_commit() {
    let db = Db::new().await;
    for with_a_job in [false, true] {
        let tx = Tx::begin(&db.pool).await.unwrap();
        if with_a_job {
            add::publish(&tx, 1).await.unwrap();
        }
        sqlx::query("select 1 / 0").execute(&mut *tx.connection().await).await.unwrap_err();
        let error = tx.commit().await.unwrap_err().to_string();
        assert!(error.contains("transaction is aborted"), "{error}");
    }
    let tx = Tx::begin(&db.pool).await.unwrap();
    sqlx::query("create table kept (n bigint)").execute(&mut *tx.connection().await).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from kept").await, 0);
}

#[tokio::test]
async fn the_connections_of_migrate_say_whose_they_are() {
    let db = Db::new().await;
    let mut tx = db.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.config in access exclusive mode").execute(&mut *tx).await.unwrap();
    let migrating = tokio::spawn({
        let pool = db.pool.clone();
        async move { pgjobs::migrate(&pool).await }
    });
    let names = "select distinct application_name from pg_stat_activity where datname = current_database() and application_name <> ''";
    until("it waits for the settings", async || db.all::<String>(names).await == ["pgjobs migrate"]).await;
    tx.rollback().await.unwrap();
    migrating.await.unwrap().unwrap();
}

/// What a run sees of its publisher's notes, for each publisher.
#[pgjobs::task(name = "notes.seen")]
async fn seen(
    #[inject] job: &pgjobs::Job,
    n: i64,
) -> Result<(i64, Option<serde_json::Value>, Vec<String>), pgjobs::TaskError> {
    Ok((n, job.meta("tenant"), job.tags()))
}

#[tokio::test]
async fn notes_of_the_publisher_reach_the_run() {
    let db = Db::new().await;
    let tx = Tx::begin(&db.pool).await.unwrap();
    seen::publish(&tx, 1).meta("tenant", 7).tag("vip").tag("eu").await.unwrap();
    tx.commit().await.unwrap();
    seen::publish(&db.pool, 2).await.unwrap();
    pgjobs::publish_all(&db.pool, (3..103).map(seen::new)).tag("bulk").await.unwrap();
    NewJob::named("notes.seen").arg(103).meta("tenant", "x").publish(&db.pool).await.unwrap();
    let report = Worker::new(db.pool.clone()).topic("notes.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, 103);
    let results: Vec<String> = db.all("select result::text from jobs.job where (result->>0)::int in (1, 2, 3, 102, 103) order by (result->>0)::int").await;
    assert_eq!(
        results,
        [
            r#"[1, 7, ["vip", "eu"]]"#,
            "[2, null, []]",
            r#"[3, null, ["bulk"]]"#,
            r#"[102, null, ["bulk"]]"#,
            r#"[103, "x", []]"#
        ]
    );
}

#[tokio::test]
async fn a_note_that_cannot_be_stored_is_refused_before_it_is_sent() {
    let db = Db::new().await;
    let error = add::publish(&db.pool, 1).meta("at", std::collections::HashMap::from([((1, 2), 3)])).await;
    assert!(matches!(error, Err(Error::Option { name: "meta", .. })), "{error:?}");
    let error = add::publish(&db.pool, 1).meta("text", "x".repeat(5000)).await.unwrap_err().to_string();
    assert!(error.contains("the limit is 4096"), "{error}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 0);
}
