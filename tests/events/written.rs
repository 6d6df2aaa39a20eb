//! Which events are written.

use std::time::Duration;

use pgjobs_tests::Db;

use crate::{counted, position, since, watched};

#[tokio::test]
async fn nothing_is_written_of_what_nobody_watches() {
    let db = Db::new().await;
    db.run("select jobs.watch('mail.*', '{completed}')").await;
    let start = position(&db).await;
    db.run("select jobs.publish(t) from unnest('{mail.send,mail_send,other}'::text[]) t").await;
    db.run("select count(*) from jobs.consume(10) c, jobs.ack(c.job_id)").await;
    assert_eq!(since(&db, &start).await, ["completed mail.send 1"]);
    db.run("select jobs.unwatch('mail.*'); select jobs.publish('mail.send'); select count(*) from jobs.consume(1) c, jobs.ack(c.job_id)").await;
    assert_eq!(since(&db, &start).await, ["completed mail.send 1"]);
}

#[tokio::test]
async fn the_life_of_a_plain_clients_job_is_told_in_its_order() {
    let db = watched().await;
    let start = position(&db).await;
    db.run(r#"select jobs.publish('a', i_meta => '{"tenant": 7}')"#).await;
    db.run("select count(*) from jobs.consume(1) c, jobs.set_progress(c.job_id, 1, 4, 'a quarter')").await;
    db.run("select jobs.nack(job_id, 'ValueError: secret', now()) from jobs.running").await;
    db.run("select count(*) from jobs.consume(1) c, jobs.nack(c.job_id, E'Traceback\n  File\napp.errors.BookingError: secret', now())").await;
    db.run("select count(*) from jobs.consume(1) c, jobs.nack(c.job_id, 'the text of some error: secret')")
        .await;
    let told = since(&db, &start).await;
    assert_eq!(
        told,
        [
            "queued a 0 {}",
            "picked a 1 {}",
            r#"progress a 1 {"done": 1, "note": "a quarter", "total": 4}"#,
            r#"retried a 1 {"error": "ValueError"}"#,
            "picked a 2 {}",
            r#"retried a 2 {"error": "app.errors.BookingError"}"#,
            "picked a 3 {}",
            r#"failed a 3 {"error": "error"}"#,
        ]
    );
    let meta: i64 = db
        .one(&format!(
            "select count(*) from jobs.events_after('{start}') where details->'meta'->>'tenant' = '7'"
        ))
        .await;
    assert_eq!(meta, 8, "each has the meta of its job");
}

#[tokio::test]
async fn every_outcome_of_a_worker_has_its_event() {
    let db = watched().await;
    db.run(
        "select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[7]), null, null, null, null, null)",
    )
    .await;
    let worker = db.worker(&["a"]).await;
    let start = position(&db).await;
    let claimed = worker.claim(7).await.jobs;
    let outcomes = ["success", "fail", "retry", "snooze", "release", "verify", "success"];
    let list = |of: &dyn Fn(usize) -> String| (0..7).map(of).collect::<Vec<_>>().join(",");
    db.run(&format!(
        "select * from jobs.settle('{{{}}}', '{{{}}}', '{{{}}}', i_errors => array_fill('timed out after 3s'::text, array[7]), i_batch_indexes => '{{{}}}')",
        list(&|n| claimed[n].job_id.clone()),
        list(&|n| claimed[n].lease.to_string()),
        list(&|n| outcomes[n].to_owned()),
        list(&|n| claimed[n].batch_index.unwrap().to_string()),
    ))
    .await;
    assert_eq!(
        counted(&db, &start).await,
        r#"2 completed, 1 failed {"error": "timeout"}, 7 picked, 1 queued, 2 retried {"error": "timeout"}, 1 snoozed"#
    );
}

#[tokio::test]
async fn jobs_of_packed_rows_and_of_one_call_have_events_each() {
    let db = watched().await;
    let start = position(&db).await;
    db.run("select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[200]), null, null, null, null, null, i_pack => true)").await;
    assert_eq!(counted(&db, &start).await, "200 queued");
    let rows: i64 = db.one("select count(*) from jobs.event").await;
    assert_eq!(rows, 1, "in one row");
    let worker = db.worker(&["a"]).await;
    assert_eq!(worker.claim(200).await.jobs.len(), 200);
    assert_eq!(counted(&db, &start).await, "200 picked, 200 queued");
    let once: bool = db
        .one(&format!("select count(distinct (job_id, kind)) = 400 from jobs.events_after('{start}') where kind <> 'position'"))
        .await;
    assert!(once, "each once");
}

#[tokio::test]
async fn a_unique_job_is_queued_once_however_often_it_is_published() {
    let db = watched().await;
    let start = position(&db).await;
    db.run(r#"select jobs.publish('a', i_unique => '{"key": 1}') from generate_series(1, 3)"#).await;
    db.run(r#"select jobs.publish_unique('{a}', '{1,2,3}', array['{"key": 1}', '{"key": 2}', '{"key": 2}']::jsonb[])"#).await;
    assert_eq!(counted(&db, &start).await, "2 queued");
}

#[tokio::test]
async fn what_operators_do_is_told_of_each_job() {
    let db = watched().await;
    let start = position(&db).await;
    db.run("select jobs.publish('a') from generate_series(1, 3)").await;
    db.run("select count(*) from jobs.consume(1)").await; // runs
    db.run("select jobs.cancel(array(select job_id::text from jobs.job_queue))").await;
    assert_eq!(counted(&db, &start).await, "3 cancelled, 1 picked, 3 queued");
    let now = position(&db).await;
    db.run("select jobs.retry(array(select job_id::text from jobs.job order by id limit 1))").await;
    db.run("select * from jobs.redrive(array(select job_id::text from jobs.job order by id limit 1))").await;
    let told = since(&db, &now).await;
    assert_eq!(told, ["queued a 1", "queued a 0 {}"], "the job that had run, and a new one with a meta");
    let now = position(&db).await;
    db.run("select (jobs.start_operation('purge', '*')).id; select jobs.maintain(); select jobs.maintain()")
        .await;
    let told = counted(&db, &now).await;
    assert!(told.starts_with(r#"2 cancelled {"#) || told.contains(r#""purged": true"#), "{told}");
}

#[tokio::test]
async fn purged_jobs_are_told_as_cancelled_and_purged() {
    let db = watched().await;
    db.run("select jobs.publish('a')").await;
    db.run("select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[64]), null, null, null, null, null, i_pack => true)").await;
    let start = position(&db).await;
    db.run("select jobs.purge('a')").await;
    assert_eq!(counted(&db, &start).await, r#"65 cancelled {"purged": true}"#);
}

#[tokio::test]
async fn lost_runs_are_told_as_retried_failed_or_queued_again() {
    let db = watched().await;
    db.run("select jobs.publish('a'), jobs.publish('a', i_max_retries => 1), jobs.publish('a')").await;
    let worker = db.worker_with_lease(&["a"], 1).await;
    assert_eq!(worker.claim(3).ahead(1).await.jobs.len(), 3);
    let start = position(&db).await;
    db.run("update jobs.worker set expires_at = now() - interval '1 s'; select jobs.sweep()").await;
    assert_eq!(
        counted(&db, &start).await,
        r#"1 failed {"error": "lost"}, 1 queued, 1 retried {"error": "lost"}"#
    );
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told() {
    let db = watched().await;
    let start = position(&db).await;
    let mut session = db.connect().await;
    sqlx::raw_sql("begin; select jobs.publish('a'); savepoint s; select jobs.publish('b'); rollback to s; select jobs.publish('c')")
        .execute(&mut session)
        .await
        .unwrap();
    assert_eq!(since(&db, &start).await, [] as [&str; 0], "not before it commits");
    sqlx::raw_sql("commit").execute(&mut session).await.unwrap();
    assert_eq!(since(&db, &start).await, ["queued a 0", "queued c 0"]);
}

#[tokio::test]
async fn a_schedule_that_publishes_is_told() {
    let db = Db::with_clock().await;
    db.run("select jobs.watch('*')").await;
    db.run(r#"select jobs.set_schedule('s', 'a', i_every => '1 minute')"#).await;
    let start = position(&db).await;
    db.advance(Duration::from_secs(61)).await;
    db.run("select jobs.tick()").await;
    assert_eq!(
        counted(&db, &start).await.split_once(' ').map(|(_, rest)| rest.split(' ').next()),
        Some(Some("queued"))
    );
}

#[tokio::test]
async fn a_topic_is_watched_under_every_name_of_its_tasks() {
    let db = Db::new().await;
    let declared = r#"[{"name": "mail.new", "aliases": ["post.old"], "args_schema": true, "result_schema": true, "retries": 1, "timeout": 1, "priority": 0}]"#;
    db.run(&format!("select jobs.register_tasks('{declared}'); select jobs.watch('mail.*')")).await;
    let start = position(&db).await;
    db.run("select jobs.publish('post.old'); select jobs.publish('post.other')").await;
    assert_eq!(since(&db, &start).await, ["queued post.old 0"]);
    // A name that comes later too.
    db.run(&format!("select jobs.register_tasks('{}')", declared.replace("post.old", "post.other"))).await;
    db.run("select jobs.publish('post.other')").await;
    assert_eq!(since(&db, &start).await.len(), 2);
}

#[tokio::test]
async fn a_task_declares_itself_that_its_events_are_written() {
    let db = Db::new().await;
    let declared = |events: &str| {
        format!(
            r#"select jobs.register_tasks('[{{"name": "a", "args_schema": true, "result_schema": true, "retries": 1, "timeout": 1, "priority": 0{events}}}]')"#
        )
    };
    db.run(&declared(r#", "events": true"#)).await;
    assert!(db.one::<bool>("select is_declared from jobs.watches()").await);
    let (code, message) = db.refusal("select jobs.unwatch('a')").await;
    assert_eq!((&*code, &*message), ("PT409", "the task 'a' declares itself that its events are written"));
    db.run(&declared("")).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.watches()").await, 0);
}

#[tokio::test]
async fn a_watch_that_cannot_be_meant_is_refused() {
    let db = Db::new().await;
    for (call, words) in [
        ("select jobs.watch('')", "a watch needs a topic of 1 to 200 characters"),
        ("select jobs.watch(null)", "a watch needs a topic of 1 to 200 characters"),
        ("select jobs.watch('*', '{}')", "a watch has one kind of events or more"),
        ("select jobs.watch('*', '{completd}')", "there is no kind 'completd'"),
        ("select jobs.watch('*', '{null}')", "a watch has one kind of events or more"),
        ("select jobs.events_after(null, '')", "a topic is a pattern"),
        ("select jobs.await_events(4000)", "i_seconds lies within 0 and 3600"),
    ] {
        let (code, message) = db.refusal(call).await;
        assert!(code == "PT400" && message.contains(words), "{call}: {code} {message}");
    }
}

#[tokio::test]
async fn jobs_that_are_not_kept_have_their_events_too() {
    let db = watched().await;
    db.run(r#"select jobs.register_tasks('[{"name": "a", "args_schema": true, "result_schema": true, "retries": 3, "timeout": 1, "priority": 0, "keep": "none"}]')"#).await;
    let start = position(&db).await;
    db.run("select jobs.publish('a') from generate_series(1, 2); select jobs.publish('kept')").await;
    db.run("select count(*) from jobs.consume(3) c, jobs.ack(c.job_id)").await;
    assert_eq!(counted(&db, &start).await, "3 completed, 3 picked, 3 queued");
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
}
