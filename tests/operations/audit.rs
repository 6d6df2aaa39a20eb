//! Who did what: one row for each call, for a year, seen by administrators alone.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::Executor;

/// The actions in the audit, oldest first, each with its target and number of jobs.
const ROWS: &str = "select concat_ws(' ', action, target, jobs) from jobs.audit order by id";

#[tokio::test]
async fn what_an_operator_does_is_one_row_a_call() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish('a', i_job_id => '01970000000070008000000000000001', i_max_retries => 1, i_unique => '{"key": 1}');
           select jobs.nack(job_id, 'x') from jobs.consume(1);
           select jobs.retry('{01970000000070008000000000000001}', 'by hand');
           select jobs.edit('01970000000070008000000000000001', i_priority => 1);
           select jobs.release_unique_key('a', '[1]');
           select jobs.purge('a', i_reason => 'old');
           select jobs.redrive('{x}');
           select jobs.set_schedule('s', 'a', i_every => '1 h'); select jobs.set_schedule('s', 'a', i_every => '1 h');
           select jobs.pause_schedule('s', 'later'); select jobs.resume_schedule('s'); select jobs.run_schedule('s');
           select jobs.backfill_schedule('s', '2030-01-01', '2030-01-01 02:00');
           select jobs.drop_schedule('s');
           select jobs.grant_topic('postgres', 'mail.*'); select jobs.revoke_topic('postgres', 'mail.*'); select jobs.revoke_topic('postgres', 'none');
           select jobs.keep('a', null, 1), jobs.drop_keep('a'), jobs.drop_keep('a');
           select jobs.start_operation('retry', 'a'); select jobs.pause_operation(1); select jobs.resume_operation(1); select jobs.cancel_operation(1)"#,
    )
    .await;
    let rows = db.all::<String>(ROWS).await;
    assert_eq!(
        rows,
        [
            "retry 01970000000070008000000000000001 1",
            "edit 01970000000070008000000000000001 1",
            "release_unique_key a",
            "purge a 1",
            "redrive 0",
            "set_schedule s",
            "pause_schedule s",
            "resume_schedule s",
            "run_schedule s 1",
            "backfill_schedule s 3",
            "drop_schedule s",
            "grant_topic postgres",
            "revoke_topic postgres",
            "keep a",
            "drop_keep a",
            "start_operation a 0",
            "pause_operation a",
            "resume_operation a",
            "cancel_operation a",
        ]
    );
    let who = "select bool_and(who = session_user and at between now() - interval '1 min' and now()) from jobs.audit";
    assert!(db.one::<bool>(who).await);
    let reasons = db
        .all::<String>("select action || ': ' || reason from jobs.audit where reason is not null order by id")
        .await;
    assert_eq!(reasons, ["retry: by hand", "purge: old", "pause_schedule: later"]);
}

#[tokio::test]
async fn what_the_code_declares_is_nobodys_deed() {
    let db = Db::new().await;
    db.run(r#"select jobs.register_tasks('[{"name": "t", "retries": 3, "timeout": 60, "priority": 0, "args_schema": {}, "result_schema": {},
        "schedules": [{"name": "t", "every": "1 h"}]}]')"#).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.schedule").await, 1);
    assert_eq!(db.one::<i64>("select count(*) from jobs.audit").await, 0);
}

#[tokio::test]
async fn what_is_undone_leaves_no_row() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    session.execute("begin; select jobs.purge('*'); rollback").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.audit").await, 0);
}

#[tokio::test]
async fn each_of_several_jobs_finds_its_row() {
    let db = Db::new().await;
    db.run("select jobs.publish('a', i_max_retries => 1) from generate_series(1, 3); select jobs.nack(job_id, 'x') from jobs.consume(3)").await;
    let ids: Vec<String> = db.all("select job_id from jobs.job order by job_id").await;
    db.run("select jobs.retry(array(select job_id::text from jobs.job order by job_id))").await;
    for id in &ids {
        assert_eq!(db.one::<i64>(&format!("select jobs from jobs.audit_log('{id}')")).await, 3);
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.audit_log(i_action => 'edit')").await, 0);
    assert_eq!(db.one::<i64>("select count(*) from jobs.audit_log(i_before => 1)").await, 0);
}

#[tokio::test]
async fn only_administrators_read_it() {
    let db = Db::new().await;
    for role in ["jobs_publisher", "jobs_worker", "jobs_reader"] {
        let may = format!(
            "select has_function_privilege('{role}', 'jobs.audit_log(text, text, bigint, integer)', 'execute') or has_table_privilege('{role}', 'jobs.audit', 'select')"
        );
        assert!(!db.one::<bool>(&may).await, "{role}");
    }
    let admin = "select has_function_privilege('jobs_admin', 'jobs.audit_log(text, text, bigint, integer)', 'execute')";
    assert!(db.one::<bool>(admin).await);
}

#[tokio::test]
async fn it_is_kept_for_a_year() {
    let db = Db::with_clock().await;
    db.run("select jobs.purge('old'); select jobs.start_operation('retry', 'old'); select jobs.step_operation(1)").await;
    for _ in 0..367 {
        db.advance(Duration::from_hours(24)).await;
        db.run("update jobs.retention set looked_at = jobs.now(), jumped_at = null").await;
    }
    db.run("select jobs.purge('new'); select jobs.maintain_partitions()").await;
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.all::<String>(ROWS).await, ["purge new 0"]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.operation").await, 0);
}
