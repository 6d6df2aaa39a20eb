//! A schedule belongs to those who may publish its task.

use pgjobs_tests::Db;
use sqlx::{Connection, Executor, PgConnection};

async fn member(db: &Db, name: &str, role: &str) -> PgConnection {
    db.run(&format!("drop role if exists {name}; create role {name} login; grant {role} to {name}")).await;
    PgConnection::connect_with(&db.options().username(name)).await.unwrap()
}

async fn code(session: &mut PgConnection, sql: &'static str) -> String {
    match session.execute(sql).await {
        Ok(_) => "done".to_owned(),
        Err(error) => error.as_database_error().unwrap().code().unwrap().into_owned(),
    }
}

#[tokio::test]
async fn a_restricted_role_schedules_sees_and_changes_what_it_may_publish() {
    let db = Db::new().await;
    db.run("select jobs.set_schedule('theirs', 'billing.run', i_every => '1 h')").await;
    let mut mailer = member(&db, "sched_mailer", "jobs_publisher").await;
    db.run("select jobs.grant_topic('sched_mailer', 'mail.*')").await;
    assert_eq!(
        code(&mut mailer, "select jobs.set_schedule('mine', 'mail.send', i_every => '1 h')").await,
        "done"
    );
    assert_eq!(
        code(&mut mailer, "select jobs.set_schedule('x', 'billing.run', i_every => '1 h')").await,
        "PT403"
    );
    // Not by taking its name either, of which it does not learn what it publishes.
    assert_eq!(
        code(&mut mailer, "select jobs.set_schedule('theirs', 'mail.send', i_every => '1 h')").await,
        "PT404"
    );
    for call in [
        "select jobs.pause_schedule('theirs')",
        "select jobs.resume_schedule('theirs')",
        "select jobs.run_schedule('theirs')",
        "select jobs.backfill_schedule('theirs', now(), now())",
    ] {
        assert_eq!(code(&mut mailer, call).await, "PT404", "{call}");
        assert!(
            db.one::<bool>("select paused_at is null and last_job is null from jobs.get_schedule('theirs')")
                .await
        );
    }
    for call in [
        "select jobs.get_schedule('theirs')",
        "select jobs.schedule_log('theirs')",
        "select jobs.explain_schedule('theirs')",
    ] {
        assert_eq!(code(&mut mailer, call).await, "PT404", "{call}");
    }
    assert_eq!(code(&mut mailer, "select jobs.drop_schedule('theirs')").await, "done");
    assert_eq!(db.one::<i64>("select count(*) from jobs.schedules('theirs')").await, 1, "it dropped nothing");
    let seen: Vec<String> =
        sqlx::query_scalar("select name from jobs.schedules()").fetch_all(&mut mailer).await.unwrap();
    assert_eq!(seen, ["mine"]);
    assert_eq!(code(&mut mailer, "select jobs.pause_schedule('mine', 'x')").await, "done");
    assert_eq!(code(&mut mailer, "select jobs.schedule_body('mine')").await, "42501", "for administrators");
}

/// Whoever ticks publishes for those who made the schedules: a worker that may not publish the task itself.
#[tokio::test]
async fn any_worker_ticks_every_schedule() {
    let db = Db::with_clock().await;
    db.run("select jobs.set_schedule('theirs', 'billing.run', i_every => '1 h')").await;
    let mut worker = member(&db, "sched_worker", "jobs_worker").await;
    db.run("select jobs.grant_topic('sched_worker', 'mail.*')").await;
    db.advance(std::time::Duration::from_secs(3600)).await;
    assert_eq!(code(&mut worker, "select jobs.maintain()").await, "done");
    assert_eq!(db.all::<String>("select task from jobs.pending").await, ["billing.run"]);
}

/// Also when the schedule appears while the call waits for it.
#[tokio::test]
async fn nobody_takes_a_schedule_over_that_appears_meanwhile() {
    let db = Db::new().await;
    let mut mailer = member(&db, "sched_racer", "jobs_publisher").await;
    db.run("select jobs.grant_topic('sched_racer', 'mail.*')").await;
    let mut maker = db.pool.begin().await.unwrap();
    sqlx::raw_sql("select jobs.set_schedule('x', 'secret.task', i_every => '1 h')")
        .execute(&mut *maker)
        .await
        .unwrap();
    let taking = tokio::spawn(async move {
        code(&mut mailer, "select jobs.set_schedule('x', 'mail.send', i_every => '1 h')").await
    });
    pgjobs_tests::until("the other waits", || async {
        db.one::<bool>("select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())").await
    })
    .await;
    maker.commit().await.unwrap();
    assert_eq!(taking.await.unwrap(), "PT404");
    assert_eq!(db.all::<String>("select task from jobs.schedules()").await, ["secret.task"]);
}

/// Declaring a task is no way to publish it.
#[tokio::test]
async fn a_role_that_may_only_consume_declares_no_schedule_and_changes_none() {
    let db = Db::new().await;
    let mut worker = member(&db, "sched_consumer", "jobs_worker").await;
    db.run("select jobs.grant_topic('sched_consumer', 'mail.*', false, true)").await;
    let declare = r#"select jobs.register_tasks('[{"name": "mail.send", "args_schema": {}, "params": [], "result_schema": {}, "retries": 3, "timeout": 60,
        "priority": 0, "schedules": [{"name": "s", "every": "1 h"}]}]')"#;
    assert_eq!(code(&mut worker, declare).await, "done", "the worker starts");
    assert_eq!(db.one::<i64>("select count(*) from jobs.schedules()").await, 0);
    db.run("select jobs.set_schedule('s', 'mail.send', i_every => '1 h')").await;
    assert_eq!(
        code(&mut worker, "select jobs.pause_schedule('s')").await,
        "PT403",
        "it sees it, and may not change it"
    );
}
