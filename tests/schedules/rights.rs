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
    // Not by taking its name either.
    assert_eq!(
        code(&mut mailer, "select jobs.set_schedule('theirs', 'mail.send', i_every => '1 h')").await,
        "PT403"
    );
    for call in [
        "select jobs.pause_schedule('theirs')",
        "select jobs.resume_schedule('theirs')",
        "select jobs.run_schedule('theirs')",
        "select jobs.drop_schedule('theirs')",
        "select jobs.backfill_schedule('theirs', now(), now())",
    ] {
        assert_eq!(code(&mut mailer, call).await, "PT403", "{call}");
    }
    for call in [
        "select jobs.get_schedule('theirs')",
        "select jobs.schedule_log('theirs')",
        "select jobs.explain_schedule('theirs')",
    ] {
        assert_eq!(code(&mut mailer, call).await, "PT404", "{call}");
    }
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
