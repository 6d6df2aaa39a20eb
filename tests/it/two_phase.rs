//! Two-phase commit: a transaction that is prepared may not have notified anybody.

use pgjobs_tests::Db;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

/// A transaction of two statements, up to its first phase.
async fn prepare(
    session: &mut PgConnection,
    before: &str,
    call: &str,
    name: &str,
) -> Result<(), sqlx::Error> {
    for statement in ["begin", before, call, &format!("prepare transaction '{name}'")] {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *session).await?;
    }
    Ok(())
}

const CALLS: &[(&str, &str)] = &[
    ("publish", "select jobs.publish('a')"),
    ("bulk", "select jobs.publish_bulk(array[('a', null, null, null, null, null)::jobs.bulk_job])"),
    ("many", r#"select jobs.publish_json('[{"task": "a"}]')"#),
    ("all", "select jobs.publish_arrays('{a}', '{\"{}\"}', null, null, null, null, null)"),
    ("ack", "select jobs.ack(c.job_id, null, c.lease) from jobs.consume('ended.*', 1) c"),
    (
        "nack",
        "select jobs.nack(c.job_id, 'broken', jobs.now(), true, c.lease) from jobs.consume('failed.*', 1) c",
    ),
];

#[tokio::test]
async fn a_transaction_that_forbids_notifications_can_be_prepared() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('ended.a'); select jobs.publish('failed.a');
         select jobs._sleep_for(30); select jobs.await_results(30)",
    )
    .await;
    let mut session = db.connect().await;
    for (name, call) in CALLS {
        let name = name_of(&db, name).await;
        prepare(&mut session, "set local jobs.notify = off", call, &name)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(open_jobs(&db).await, 2, "{name}: nothing is there before the second phase");
        db.run(&format!("rollback prepared '{name}'")).await;
    }
    let name = name_of(&db, "kept").await;
    prepare(&mut session, "set local jobs.notify = off", CALLS[0].1, &name).await.unwrap();
    db.run(&format!("commit prepared '{name}'")).await;
    assert_eq!(open_jobs(&db).await, 3);

    // The setting was the transaction's: without it PostgreSQL refuses, in the words that docs/src/sql.md quotes.
    let refused = prepare(&mut session, "select 1", CALLS[0].1, &name).await.unwrap_err().to_string();
    let words = "cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY";
    assert!(refused.contains(words), "{refused}");
}

/// Names of prepared transactions are the server's, not the database's.
async fn name_of(db: &Db, name: &str) -> String {
    db.one(&format!("select current_database() || ' {name}'")).await
}

async fn open_jobs(db: &Db) -> i64 {
    db.one("select count(*) from jobs.job_queue").await
}
