//! `jobs.explain`: every reason for which a job does not run, in raw SQL.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::{Connection, Executor};

const WORKER: &str = "00000000-0000-7000-8000-000000000000";

/// The job's codes, the weightiest first.
async fn codes(db: &Db) -> Vec<String> {
    db.all("select e.code from jobs.\"all\" a, jobs.explain(a.job_id) e").await
}

async fn says(db: &Db) -> String {
    db.one("select e.message from jobs.\"all\" a, jobs.explain(a.job_id) e limit 1").await
}

async fn declare(db: &Db) {
    db.run(r#"select jobs.register_tasks('[{"name": "a", "aliases": ["old.a"], "args_schema": {}, "result_schema": {}, "retries": 3, "timeout": 60, "priority": 0}]')"#).await;
}

async fn register(db: &Db, slots: i32) {
    db.run(&format!(
        "select jobs.register_worker(i_worker => '{WORKER}', i_host => 'here', i_pid => 7, i_version => 'v', i_topics => '{{a*}}',
           i_tasks => '{{a}}', i_slots => {slots}, i_lease_seconds => 15)"
    ))
    .await;
}

async fn claim(db: &Db) {
    let claim = format!(
        "select * from jobs.claim(i_worker => '{WORKER}', i_tasks => '{{a}}', i_num => 1, i_lease => gen_random_uuid(), i_margin => 15)"
    );
    db.run(&claim).await;
}

#[tokio::test]
async fn a_task_that_nobody_has_is_unknown_or_without_a_live_worker() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a')").await;
    assert_eq!(codes(&db).await, ["unknown_task", "queued"]);
    assert!(says(&db).await.contains("no worker ever declared the task 'a'"));
    declare(&db).await;
    assert_eq!(codes(&db).await, ["no_worker", "queued"]);
    register(&db, 5).await;
    assert_eq!(codes(&db).await, ["queued"]);
    assert_eq!(says(&db).await, "it is the next of its task in the queue");
    db.advance(Duration::from_secs(16)).await;
    assert_eq!(codes(&db).await, ["no_worker", "queued"], "a worker whose lease has expired is not live");
}

#[tokio::test]
async fn explain_names_invalid_arguments_without_their_values() {
    let db = Db::new().await;
    db.run(r#"select jobs.publish('a', '{"args": ["the canary"]}')"#).await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "a", "result_schema": {}, "retries": 3, "timeout": 60, "priority": 0,
        "params": [{"name": "n", "type": "i64", "required": true}],
        "args_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}]')"#,
    )
    .await;
    register(&db, 5).await;
    assert_eq!(codes(&db).await, ["arguments_do_not_fit", "queued"]);
    assert_eq!(says(&db).await, "arguments do not fit: `n`: expected an integer, found string");
}

#[tokio::test]
async fn an_alias_of_a_declared_task_is_no_unknown_task() {
    let db = Db::new().await;
    declare(&db).await;
    db.run("select jobs.publish('old.a')").await;
    assert_eq!(codes(&db).await, ["no_worker", "queued"]);
}

#[tokio::test]
async fn a_job_of_the_future_says_its_time_and_then_that_it_is_due() {
    let db = Db::with_clock().await;
    declare(&db).await;
    register(&db, 5).await;
    db.run("select jobs.publish('a', null, jobs.now() + interval '10 s')").await;
    assert_eq!(codes(&db).await, ["scheduled"]);
    assert!(says(&db).await.ends_with("(in 00:00:10)"), "{}", says(&db).await);
    db.advance(Duration::from_secs(11)).await;
    assert_eq!(codes(&db).await, ["due"]);
}

#[tokio::test]
async fn a_job_that_failed_says_when_it_runs_again() {
    let db = Db::with_clock().await;
    declare(&db).await;
    register(&db, 5).await;
    db.run("select jobs.publish('a')").await;
    claim(&db).await;
    assert_eq!(codes(&db).await, ["running"]);
    assert!(says(&db).await.contains("attempt 1 runs since"), "{}", says(&db).await);
    assert!(says(&db).await.contains("of process 7 on 'here'"), "{}", says(&db).await);
    db.run("select jobs.nack(r.job_id, 'the canary', jobs.now() + interval '1 min') from jobs.running r")
        .await;
    assert_eq!(codes(&db).await, ["backoff"]);
    assert!(
        says(&db).await.starts_with("1 of 3 runs failed, and the next is scheduled for"),
        "{}",
        says(&db).await
    );
    assert!(!says(&db).await.contains("canary"));
}

#[tokio::test]
async fn a_prefetched_job_is_told_from_one_that_runs() {
    let db = Db::with_clock().await;
    let worker = db.worker(&["a"]).await;
    db.publish_packed("a", 1..=2).await;
    let claimed = worker.claim(2).ahead(1).await;
    assert_eq!(codes(&db).await, ["running", "prefetched"]);
    let prefetched = &claimed.jobs[1].job_id;
    let said: String = db.one(&format!("select e.message from jobs.explain('{prefetched}') e")).await;
    assert!(said.starts_with("attempt 1 is prefetched: worker "), "{said}");
    let begins = format!(
        "select alive from jobs.beat('{}', i_started_leases => '{{{}}}', i_started_batch_indexes => '{{1}}')",
        worker.id, claimed.lease
    );
    assert!(db.one::<bool>(&begins).await);
    assert_eq!(codes(&db).await, ["running", "running"]);
}

#[tokio::test]
async fn a_full_worker_is_named_before_the_position_in_the_queue() {
    let db = Db::new().await;
    declare(&db).await;
    register(&db, 1).await;
    db.run("select jobs.publish('a')").await;
    claim(&db).await;
    db.run("select jobs.publish('a', i_priority => 1) from generate_series(1, 3)").await;
    db.run("select jobs.publish('a') from generate_series(1, 2)").await;
    let last =
        "select e.code || ' ' || e.details::text from jobs.explain((select max(job_id) from jobs.pending)) e";
    assert_eq!(
        db.all::<String>(last).await,
        [r#"workers_busy {"held": 1, "slots": 1, "workers": 1}"#, r#"queued {"before": 4}"#]
    );
}

#[tokio::test]
async fn a_packed_job_has_its_own_position_in_the_queue() {
    let db = Db::new().await;
    db.publish_packed("a", 1..=200).await;
    assert!(db.pending_rows().await < 200);
    let nth = "select (e.details ->> 'before')::bigint
               from (select job_id from jobs.job_queue order by id limit 1 offset 150) j, jobs.explain(j.job_id) e where e.code = 'queued'";
    assert_eq!(db.one::<i64>(nth).await, 150);
}

#[tokio::test]
async fn an_open_transaction_that_has_locked_the_job_is_named() {
    let db = Db::new().await;
    declare(&db).await;
    register(&db, 5).await;
    db.run("select jobs.publish('a')").await;
    let mut other = db.connect().await;
    let mut transaction = other.begin().await.unwrap();
    transaction.execute("select jobs.consume('a', 1)").await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(codes(&db).await, ["held_by_transaction", "queued"]);
    assert!(says(&db).await.contains(&pid.to_string()));
    transaction.rollback().await.unwrap();
    assert_eq!(codes(&db).await, ["queued"]);
}

#[tokio::test]
async fn a_dead_worker_is_named_until_a_sweep_requeues_the_job() {
    let db = Db::with_clock().await;
    declare(&db).await;
    register(&db, 5).await;
    db.run("select jobs.publish('a')").await;
    claim(&db).await;
    db.advance(Duration::from_secs(16)).await;
    assert_eq!(codes(&db).await, ["lease_expired"]);
    db.run("select jobs.sweep()").await;
    assert_eq!(codes(&db).await, ["no_worker", "queued"]);
}

#[tokio::test]
async fn ended_jobs_say_how_they_ended_and_unknown_ones_are_refused() {
    let db = Db::new().await;
    for (outcome, code) in [
        ("select jobs.ack(r.job_id, '\"the canary\"') from jobs.running r", "success"),
        ("select jobs.nack(r.job_id, 'the canary', null, false) from jobs.running r", "failed"),
        ("select jobs.cancel(array_agg(r.job_id)::text[]) from jobs.running r", "cancelled"),
    ] {
        db.run("truncate jobs.job").await;
        db.run("select jobs.publish('a', '{\"args\": [\"the canary\"]}', i_max_retries => 1)").await;
        db.run("select jobs.consume('a', 1)").await;
        db.run(outcome).await;
        assert_eq!(codes(&db).await, [code]);
        let all: String = db.one("select e::text from jobs.job j, jobs.explain(j.job_id) e").await;
        assert!(!all.contains("canary"), "{all}");
    }
    let (code, message) = db.refusal("select jobs.explain('0199d1f2a4b07c3e8f5a6b7c8d9e0f12')").await;
    assert_eq!((code.as_str(), message.contains("there is no job '0199")), ("PT404", true));
}

#[tokio::test]
async fn it_counts_no_further_than_ten_thousand() {
    let db = Db::new().await;
    db.run("select jobs.publish_arrays('{a}', (select array_agg('{}'::jsonb) from generate_series(1, 30000)), null, null, null, null, null, i_pack => false)").await;
    assert_eq!(
        db.one::<i64>(
            "select (e.details ->> 'before')::bigint from (select max(job_id) as job_id from jobs.pending) l, jobs.explain(l.job_id) e
             where e.code = 'queued'"
        )
        .await,
        10000
    );
    // Of exactly so many it says how many they are.
    let says = "select e.message from (select job_id from jobs.pending order by id limit 1 offset $1) l, jobs.explain(l.job_id) e where e.code = 'queued'";
    for (before, words) in [
        (9_999_i64, "9999 jobs of its task"),
        (10_000, "10000 jobs of its task"),
        (10_001, "more than 10000 jobs"),
    ] {
        let said: String = sqlx::query_scalar(says).bind(before).fetch_one(&db.pool).await.unwrap();
        assert!(said.starts_with(words), "{before}: {said}");
    }
}
