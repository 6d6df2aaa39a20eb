//! Re-driven jobs are new jobs with the same contents; each is re-driven once.

use pgjobs::{Job, JobId, Worker, admin, task};
use pgjobs_tests::{Db, until};
use sqlx::Executor;

use crate::{failed, finish, start};

const TASK: &str = r#"[{"name": "t", "retries": 3, "timeout": 60, "priority": 0, "args_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    "result_schema": {}, "params": [{"name": "n", "type": "i64", "required": true}]}]"#;

/// The outcome of a re-drive of every job in history, in the order of ids.
const ALL: &str = "select coalesce(r.skipped, 'new') from jobs.redrive(array(select job_id::text from jobs.job order by job_id)) r";

#[tokio::test]
async fn a_re_driven_job_has_its_options_its_notes_and_its_origin() {
    let db = Db::new().await;
    failed(&db, 1, 1).await;
    let first: String = db.one("select job_id from jobs.job").await;
    let second: String = db.one(&format!("select new_job_id from jobs.redrive('{{{first}}}')")).await;
    let same = "select concat_ws(' ', task, body->'args'->0, priority, timeout, max_retries, retries, attempt, meta->'tags'->>0, meta->'redrive'->>'origin')
        from jobs.job_queue";
    assert_eq!(db.one::<String>(same).await, format!("mail.send 1 4 90.00 3 0 0 vip {first}"));
    db.run("update jobs.pending set max_retries = 1; select jobs.nack(job_id, 'again') from jobs.consume(1)")
        .await;
    let third: String = db.one(&format!("select new_job_id from jobs.redrive('{{{second}}}')")).await;
    let chain = "select meta->'redrive'->>'origin' || ' ' || (meta->'redrive'->>'from') from jobs.job_queue";
    assert_eq!(db.one::<String>(chain).await, format!("{first} {second}"));
    let said: String = db.one(&format!("select message from jobs.explain('{second}')")).await;
    assert!(said.ends_with(&format!("it was re-driven as job {third}")), "{said}");
}

#[tokio::test]
async fn no_job_is_re_driven_or_retried_after_a_re_drive() {
    let db = Db::new().await;
    failed(&db, 1, 1).await;
    assert_eq!(db.all::<String>(ALL).await, ["new"]);
    let again = &db.all::<String>(ALL).await[0];
    assert!(again.starts_with("redriven: already, as "), "{again}");
    let retry = "select jobs.retry(array(select job_id::text from jobs.job))";
    assert_eq!(db.refusal(retry).await.0, "PT409");
    assert_eq!(db.count("pending").await, 1);
}

#[tokio::test]
async fn a_re_drive_is_validated_against_what_the_task_is_now() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish('t', '{"kwargs": {"n": "seven"}}', i_max_retries => 1); select jobs.publish('t', '{"kwargs": {"n": 7}}', i_max_retries => 1);
           select jobs.nack(job_id, 'x') from jobs.consume(2)"#,
    )
    .await;
    db.run(&format!("select jobs.register_tasks('{TASK}')")).await;
    let said = db.all::<String>(ALL).await;
    assert_eq!(said, ["does not fit: arguments do not fit: `n`: expected an integer, found string", "new"]);
}

#[tokio::test]
async fn what_did_not_fail_or_is_not_there_is_skipped() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('a'); select jobs.ack(job_id) from jobs.consume(1); select jobs.publish('a')",
    )
    .await;
    assert_eq!(db.all::<String>(ALL).await, ["success: it did not fail"]);
    let open = "select r.skipped from jobs.redrive(array(select job_id::text from jobs.job_queue) || '{nosuchjob}') r";
    assert_eq!(db.all::<String>(open).await, ["gone: no failed or cancelled job has this id"; 2]);
    db.run("update jobs.config set unknown_task = 'reject'; update jobs.job set status = 'failed'").await;
    assert_eq!(db.all::<String>(ALL).await, ["unknown task: nobody has declared it"]);
    db.run("update jobs.config set unknown_task = 'accept', max_body_bytes = 512; update jobs.job set body = to_jsonb(repeat('x', 600))").await;
    assert!(db.one::<String>(ALL).await.starts_with("too large: "));
    assert_eq!(db.refusal("select jobs.redrive(array_fill('x'::text, array[1001]))").await.0, "PT413");
}

#[tokio::test]
async fn a_unique_key_is_taken_again_or_its_holder_named() {
    let db = Db::new().await;
    let publish = r#"select job_id from jobs.publish('a', i_max_retries => 1, i_unique => '{"key": 1}')"#;
    for _ in 0..2 {
        db.run(publish).await;
        db.run("select jobs.nack(job_id, 'x') from jobs.consume(1)").await;
    }
    let said = db.all::<String>(ALL).await;
    let holder: String = db.one("select job_id from jobs.unique_keys()").await;
    assert_eq!(said, ["new", &format!("key held: job {holder} holds its unique key")]);
    assert_eq!(db.one::<String>("select job_id from jobs.job_queue").await, holder);
    db.run("select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.unique_key").await, 0, "given up at the end");
}

#[tokio::test]
async fn two_that_re_drive_the_same_jobs_at_once_make_one_of_each() {
    let db = Db::new().await;
    failed(&db, 3, 1).await;
    let mut other = db.connect().await;
    other.execute("begin").await.unwrap();
    other
        .execute("select jobs.redrive(array(select job_id::text from jobs.job order by job_id limit 1))")
        .await
        .unwrap();
    assert_eq!(db.all::<String>(ALL).await, ["locked: by another transaction", "new", "new"]);
    other.execute("rollback").await.unwrap();
    assert_eq!(db.all::<String>(ALL).await.iter().filter(|said| *said == "new").count(), 1);
    assert_eq!(db.count("pending").await, 3);
}

#[tokio::test]
async fn an_operation_skips_what_does_not_fit_and_says_why() {
    let db = Db::new().await;
    failed(&db, 20, 3).await;
    db.run(&format!("select jobs.register_tasks('{}')", TASK.replace("\"t\"", "\"mail.send\""))).await;
    db.run("update jobs.job set body = '{\"args\": [\"x\"]}' where (body->'args'->>0)::integer > 15").await;
    let id = start(&db, "'redrive', '*'").await;
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 15, 5));
    assert_eq!(
        db.one::<String>(&format!("select skips->>'does not fit' from jobs.get_operation({id})")).await,
        "5"
    );
    let next = start(&db, "'redrive', '*'").await;
    assert_eq!(finish(&db, next).await, ("done".to_owned(), 0, 5), "the others are not taken again");
}

/// Fails once, and then says which keys it has had.
#[task(name = "redrive.charge", retries = 1)]
async fn charge(#[inject] job: &Job, fails: bool) -> Result<(Option<JobId>, String), String> {
    let keys = (job.origin(), job.idempotency_key());
    if fails && job.origin().is_none() { Err(format!("{keys:?}")) } else { Ok(keys) }
}

#[tokio::test]
async fn the_idempotency_key_is_one_for_all_of_the_chain() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("redrive.*").start().await.unwrap();
    let failing = charge::publish(&db.pool, true).await.unwrap();
    until("it has failed", async || db.count("failed").await == 1).await;
    let driven = admin::redrive(&db.pool, &[failing.id().clone()], Some("try again")).await.unwrap();
    let new = driven[0].new_job_id.clone().unwrap();
    until("the new one has ended", async || db.count("success").await == 1).await;
    worker.shutdown().await;
    let result: serde_json::Value = db.one(&format!("select result from jobs.result('{new}')")).await;
    assert_eq!(result, serde_json::json!([failing.id(), failing.id()]));
}

/// A retry waits for a re-drive that is not committed, and then says why the job is not back.
#[tokio::test]
async fn a_retry_beside_an_open_re_drive_is_refused_with_the_reason() {
    let db = Db::new().await;
    crate::failed(&db, 1, 1).await;
    let id: String = db.one("select job_id from jobs.job").await;
    let mut first = db.connect().await;
    first.execute(sqlx::AssertSqlSafe(format!("begin; select jobs.redrive('{{{id}}}')"))).await.unwrap();
    let said = "do $$ begin perform jobs.retry('{ID}'); raise 'it said nothing'; exception when sqlstate 'PT409' then null; end $$";
    let second = db.connect().await;
    let retry = pgjobs_tests::waiting(&db, second, said.replace("ID", &id)).await;
    first.execute("commit").await.unwrap();
    retry.await.unwrap().unwrap();
}
