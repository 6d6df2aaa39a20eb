//! An edit changes a job that does not run, and nothing that publish would refuse gets in.

use pgjobs::admin::Edit;
use pgjobs::{JobId, NewJob};
use pgjobs_tests::Db;
use sqlx::Executor;

const TASK: &str = r#"select jobs.register_tasks('[{"name": "t", "retries": 3, "timeout": 60, "priority": 0, "args_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    "result_schema": {}, "params": [{"name": "n", "type": "i64", "required": true}], "unique": {"arguments": ["n"]}}]')"#;

async fn publish(db: &Db, n: i64) -> String {
    db.one(&format!(r#"select job_id from jobs.publish('t', '{{"kwargs": {{"n": {n}}}}}')"#)).await
}

#[tokio::test]
async fn a_pending_job_is_edited_in_every_option() {
    let db = Db::new().await;
    let id: String =
        db.one("select job_id from jobs.publish('a', '{\"args\": [1]}', i_meta => '{\"x\": 1}')").await;
    let edit = format!(
        "select concat_ws(' ', e.body, e.priority, e.timeout, e.max_retries, e.meta, e.scheduled_at > now()) from jobs.edit('{id}', '{{\"args\": [2]}}', 7, now() + interval '1 h', 5, 9, '{{\"y\": 2}}') e"
    );
    assert_eq!(db.one::<String>(&edit).await, r#"{"args": [2]} 7 5.00 9 {"y": 2} t"#);
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 0, "it waits for its time");
    db.run(&format!("select jobs.edit('{id}', i_scheduled_at => now())")).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 1, "it is due");
}

#[tokio::test]
async fn another_priority_is_another_place_in_the_queue() {
    let db = Db::new().await;
    db.publish_packed("a", 1..=64).await;
    db.publish_many("a", 100..=101).priority(5).await;
    let ids: Vec<String> = db.all("select job_id from jobs.job_queue order by id").await;
    // The watermark of priority 5 is beyond the numbers of the packed row.
    let worker = db.worker(&["a"]).await;
    assert_eq!(worker.claim(2).await.bodies(), [100, 101]);
    db.run(&format!("select jobs.edit('{}', i_priority => 5)", ids[9])).await;
    assert_eq!(worker.claim(1).watermark("a", 5, 66).await.bodies(), [10]);
    assert_eq!(db.pending_rows().await, 63, "its row was unpacked");
}

#[tokio::test]
async fn what_publish_refuses_is_refused() {
    let db = Db::new().await;
    db.run(TASK).await;
    let id = publish(&db, 1).await;
    for (arguments, code) in [
        (r#"'{"kwargs": {"n": "x"}}'"#, "PT422"),
        ("i_timeout => 0", "PT400"),
        ("i_timeout => 1e12", "PT400"),
        ("i_timeout => 'NaN'", "PT400"),
        ("i_max_retries => 0", "PT400"),
        ("i_scheduled_at => 'infinity'", "PT400"),
        ("i_meta => '[]'", "PT400"),
        ("i_meta => jsonb_build_object('x', repeat('x', 5000))", "PT413"),
        ("jsonb_build_object('args', jsonb_build_array(repeat('x', 2000000)))", "PT413"),
    ] {
        let (said, message) = db.refusal(&format!("select jobs.edit('{id}', {arguments})")).await;
        assert_eq!(said, code, "{arguments}: {message}");
        assert!(!message.contains("xxx"), "no part of a body: {message}");
    }
    assert_eq!(db.refusal("select jobs.edit('nosuchjob', i_priority => 1)").await.0, "PT404");
    assert_eq!(db.refusal("select jobs.edit(null)").await.0, "PT404");
    db.run("select jobs.consume(1)").await;
    assert_eq!(db.refusal(&format!("select jobs.edit('{id}', i_priority => 1)")).await.0, "PT409");
    db.run(&format!("select jobs.ack('{id}')")).await;
    assert_eq!(db.refusal(&format!("select jobs.edit('{id}', i_priority => 1)")).await.0, "PT409");
}

#[tokio::test]
async fn a_failed_job_is_retried_as_it_was_edited() {
    let db = Db::new().await;
    let id: String =
        db.one("select job_id from jobs.publish('a', '{\"args\": [1]}', i_max_retries => 1)").await;
    db.run("select jobs.nack(job_id, 'x') from jobs.consume(1)").await;
    let edit = format!(
        "select jobs.edit('{id}', '{{\"args\": [2]}}', i_priority => 3, i_timeout => 9, i_max_retries => 2)"
    );
    db.run(&edit).await;
    assert_eq!(db.refusal(&format!("select jobs.edit('{id}', i_scheduled_at => now())")).await.0, "PT400");
    db.run(&format!("select jobs.retry('{{{id}}}')")).await;
    let now = "select concat_ws(' ', body, priority, timeout, max_retries) from jobs.job_queue";
    assert_eq!(db.one::<String>(now).await, r#"{"args": [2]} 3 9.00 2"#);
}

#[tokio::test]
async fn a_key_of_arguments_is_made_anew_of_the_new_ones() {
    let db = Db::new().await;
    db.run(TASK).await;
    let (one, two) = (publish(&db, 1).await, publish(&db, 2).await);
    let held = format!(r#"select jobs.edit('{one}', '{{"kwargs": {{"n": 2}}}}')"#);
    let (code, message) = db.refusal(&held).await;
    assert!(code == "PT409" && message.contains(&two), "{message}");
    db.run(&format!(r#"select jobs.edit('{one}', '{{"args": [3]}}')"#)).await;
    let keys = db.all::<String>("select key || ' ' || job_id from jobs.unique_keys()").await;
    assert_eq!(keys, [format!("[2] {two}"), format!("[3] {one}")]);
    assert_ne!(publish(&db, 1).await, one, "the old key is free");
    assert_eq!(publish(&db, 3).await, one);
    db.run("select jobs.ack(job_id) from jobs.consume(9)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.unique_key").await, 0, "given up with the job");
}

#[tokio::test]
async fn a_failed_job_takes_its_new_key_when_it_is_retried() {
    let db = Db::new().await;
    db.run(TASK).await;
    let one = publish(&db, 1).await;
    db.run(&format!("select jobs.cancel('{{{one}}}')")).await;
    db.run(&format!(r#"select jobs.edit('{one}', '{{"args": [2]}}')"#)).await;
    let two = publish(&db, 2).await;
    let (code, message) = db.refusal(&format!("select jobs.retry('{{{one}}}')")).await;
    assert!(code == "PT409" && message.contains(&two), "{message}");
}

#[tokio::test]
async fn a_key_that_the_publisher_gave_stays() {
    let db = Db::new().await;
    db.run(TASK).await;
    let id: String = db
        .one(r#"select job_id from jobs.publish('t', '{"args": [1]}', i_unique => '{"key": "mine"}')"#)
        .await;
    db.run(&format!(r#"select jobs.edit('{id}', '{{"args": [2]}}')"#)).await;
    assert_eq!(db.all::<String>("select key from jobs.unique_keys()").await, [r#"["mine"]"#]);
}

#[tokio::test]
async fn the_audit_has_the_old_values() {
    let db = Db::new().await;
    let id: String = db.one("select job_id from jobs.publish('a', '{\"args\": [1]}')").await;
    let edit = Edit::new(&id.parse::<JobId>().unwrap())
        .arguments(NewJob::named("a").arg(2))
        .priority(4)
        .reason("a typo");
    let job = edit.save(&db.pool).await.unwrap();
    assert_eq!(job.priority, 4);
    let row = "select concat_ws(' ', target = job_id, jobs, reason, details->'before'->'body'->'args', details->'before'->'priority', details->'after'->'body'->'args')
        from jobs.audit_log(i_action => 'edit'), jobs.job_queue";
    assert_eq!(db.one::<String>(row).await, "t 1 a typo [1] 0 [2]");
}

#[tokio::test]
async fn an_edit_waits_for_who_has_locked_the_job() {
    let db = Db::new().await;
    let id: String = db.one("select job_id from jobs.publish('a')").await;
    let mut other = db.connect().await;
    other.execute("begin; select jobs.consume(1)").await.unwrap();
    let (pool, edit) = (db.pool.clone(), format!("select jobs.edit('{id}', i_priority => 1)"));
    let waiting = tokio::spawn(async move { sqlx::query(sqlx::AssertSqlSafe(edit)).execute(&pool).await });
    let is_waiting = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like '%jobs.edit%' and datname = current_database())";
    pgjobs_tests::until("it waits", async || db.one::<bool>(is_waiting).await).await;
    other.execute("commit").await.unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "PT409", "it runs now");
}

/// The second edit of a job that has ended waits for the first, and changes what that one has left.
#[tokio::test]
async fn edits_of_an_ended_job_are_applied_in_turn() {
    let db = Db::new().await;
    crate::failed(&db, 1, 1).await;
    let id: String = db.one("select job_id from jobs.job").await;
    let mut first = db.connect().await;
    let body = format!(r#"begin; select jobs.edit('{id}', '{{"args": ["new"]}}')"#);
    first.execute(sqlx::AssertSqlSafe(body)).await.unwrap();
    let second = db.connect().await;
    let edit = pgjobs_tests::waiting(&db, second, format!("select jobs.edit('{id}', i_priority => 9)")).await;
    first.execute("commit").await.unwrap();
    edit.await.unwrap().unwrap();
    let both: String = db.one("select concat_ws(' ', body, priority) from jobs.job").await;
    assert_eq!(both, r#"{"args": ["new"]} 9"#);
}
