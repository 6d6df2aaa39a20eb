//! Who may do what with steps and signals.

use pgjobs_tests::Db;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{Run, consume, consume_of, publish};

/// Roles belong to the server and outlive a test's database, so each test names its own.
async fn session(db: &Db, name: &str, of: &str) -> PgConnection {
    db.run(&format!(
        "do $$ begin create role {name} nologin; exception when duplicate_object then null; end $$; grant {of} to {name}"
    ))
    .await;
    let mut session = db.connect().await;
    session.execute(AssertSqlSafe(format!("set role {name}"))).await.unwrap();
    session
}

async fn code(session: &mut PgConnection, sql: &str) -> String {
    match session.execute(AssertSqlSafe(sql.to_owned())).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.as_database_error().and_then(|e| e.code()).expect("a code").into_owned(),
    }
}

async fn count(session: &mut PgConnection, sql: &str) -> u64 {
    session.execute(AssertSqlSafe(sql.to_owned())).await.unwrap().rows_affected()
}

#[tokio::test]
async fn readers_see_what_is_recorded_and_never_the_values() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    run.save(&db, "'one', '\"secret\"'").await;
    let mut reader = session(&db, "steps_reader", "jobs_reader").await;
    let steps = format!("select * from jobs.steps('{}')", run.job);
    assert_eq!(count(&mut reader, &steps).await, 1);
    assert!(
        !format!("{:?}", sqlx::query(AssertSqlSafe(steps)).fetch_all(&mut reader).await.unwrap())
            .contains("secret")
    );
    let value = format!("select jobs.step_value('{}', 'one')", run.job);
    assert_eq!(code(&mut reader, &value).await, "42501");
    assert_eq!(code(&mut reader, "select jobs.signal('go')").await, "42501");
    assert_eq!(code(&mut reader, &run.call("save_step", "'two', '1'")).await, "42501");
    let mut publisher = session(&db, "steps_publisher", "jobs_publisher").await;
    assert_eq!(code(&mut publisher, "select jobs.signal('go')").await, "ok");
    assert_eq!(code(&mut publisher, &value).await, "42501");
    let mut worker = session(&db, "steps_worker", "jobs_worker").await;
    for call in [
        run.call("begin_steps", ""),
        run.call("save_step", "'two', '1'"),
        run.call("sleep", "'nap', 0"),
        run.call("await_signal", "'go', 1"),
        run.call("find_step", "'one'"),
        value.clone(),
    ] {
        assert_eq!(code(&mut worker, &call).await, "ok", "{call}");
    }
    let mut admin = session(&db, "steps_admin", "jobs_admin").await;
    assert_eq!(code(&mut admin, &value).await, "ok");
}

#[tokio::test]
async fn a_restricted_role_keeps_to_its_topics() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    run.save(&db, "'one', '1'").await;
    let mut other = session(&db, "steps_other", "jobs_worker").await;
    db.run("select jobs.grant_topic('steps_other', 'mail.*')").await;
    let steps = format!("select * from jobs.steps('{}')", run.job);
    assert_eq!(count(&mut other, &steps).await, 0);
    let value = format!("select from jobs.step_value('{}', 'one') v where v is not null", run.job);
    assert_eq!(count(&mut other, &value).await, 0);
    assert_eq!(count(&mut other, "select * from jobs.unknown_steps('{a}', '{x}')").await, 0);
    assert_eq!(code(&mut other, "select jobs.signal('go')").await, "PT403");
    assert_eq!(code(&mut other, "select jobs.signal('mailed')").await, "PT403");
    assert_eq!(code(&mut other, "select jobs.signal('mail.approve/7')").await, "ok");
    // Nor does it read what others send to each other.
    db.run("select jobs.publish('mail.a')").await;
    let mail = consume_of(&db, "mail.a").await;
    assert_eq!(code(&mut other, &mail.call("await_signal", "'pay.approve/1', 1")).await, "PT403");
    assert_eq!(code(&mut other, &mail.call("await_signal", "'mail.approve/7', 1")).await, "ok");
    db.run("select jobs.grant_topic('steps_other', 'a')").await;
    assert_eq!(count(&mut other, &steps).await, 1);
    assert_eq!(count(&mut other, "select * from jobs.unknown_steps('{a}', '{x}')").await, 1);
}

#[tokio::test]
async fn a_restricted_worker_records_under_its_lease() {
    let db = Db::new().await;
    publish(&db).await;
    let mut worker = session(&db, "steps_own", "jobs_worker").await;
    db.run("select jobs.grant_topic('steps_own', 'a')").await;
    let run = consume(&db).await;
    assert_eq!(code(&mut worker, &run.call("save_step", "'one', '1'")).await, "ok");
    let wrong = Run { job: run.job, lease: "11111111-1111-1111-1111-111111111111".to_owned() };
    assert_eq!(code(&mut worker, &wrong.call("save_step", "'one', '1'")).await, "PT409");
}
