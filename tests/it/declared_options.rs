//! What a task declares holds for all who publish its jobs by name: timeout, priority and runs that a call does
//! not give.

use std::time::Duration;

use pgjobs::NewJob;
use pgjobs_tests::Db;

/// Declares `report(n)`, also named `summary`, which takes 300 s, has priority 5 and seven runs.
async fn declared() -> Db {
    let db = Db::new().await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "report", "aliases": ["summary"], "retries": 7, "timeout": 300, "priority": 5,
             "result_schema": true, "params": [{"name": "n", "type": "i64", "required": true}], "args_schema": {"type": "object"}}]')"#,
    )
    .await;
    db
}

const SAID: &str = "timeout::float8 || ' s, priority ' || priority || ', ' || max_retries || ' runs'";

/// What a query that publishes one job, and returns its row, gave it; removes it.
async fn options(db: &Db, publish: &str) -> String {
    let options = db.one(&format!("select {SAID} from ({publish}) p")).await;
    db.run("select jobs.purge('*')").await;
    options
}

/// The options of the pending jobs, in order.
async fn pending(db: &Db) -> Vec<String> {
    db.all(&format!("select {SAID} from jobs.all where status = 'pending' order by id")).await
}

const DECLARED: &str = "300 s, priority 5, 7 runs";
const DEFAULT: &str = "60 s, priority 0, 3 runs";

#[tokio::test]
async fn every_way_to_publish_takes_what_the_task_declares() {
    let db = declared().await;
    for publish in [
        r#"select (jobs.publish('report', '{"args": [1]}')).*"#,
        r#"select (jobs.publish('summary', '{"args": [1]}')).*"#,
        r#"select (jobs.publish('report', '{"args": [1]}', i_unique => '{"arguments": ["n"]}')).*"#,
        r#"select * from jobs.publish_bulk(array[('report', '{"args": [1]}', null, null, null, null)::jobs.bulk_job])"#,
        r#"select * from jobs.publish_json('[{"task": "summary", "body": {"args": [1]}}]')"#,
        r#"select * from jobs.publish_json('[{"task": "report", "body": {"args": [1]}, "unique": {"arguments": ["n"]}}]')"#,
    ] {
        assert_eq!(options(&db, publish).await, DECLARED, "{publish}");
    }
    for publish in [
        r#"jobs.publish_arrays('{report}', array['{"args": [1]}'::jsonb], null, null, null, null, null)"#,
        r#"jobs.publish_unique('{report}', array['{"args": [1]}'::jsonb])"#,
        r#"jobs.publish_workflow('[{"task": "report", "body": {"args": [1]}}]')"#,
        r#"jobs.publish_workflow('[{"task": "report", "each": [{"args": [1]}]}]')"#,
        r#"jobs.set_schedule('monthly', 'report', '{"args": [1]}', i_cron => '0 0 1 * *'), jobs.run_schedule('monthly')"#,
    ] {
        db.run(&format!("select {publish}")).await;
        assert_eq!(pending(&db).await, [DECLARED], "{publish}");
        db.run("select jobs.purge('*')").await;
    }
}

#[tokio::test]
async fn what_a_call_gives_and_tasks_that_nobody_declared_are_as_before() {
    let db = declared().await;
    for (publish, expected) in [
        (
            r#"select (jobs.publish('report', '{"args": [1]}', i_timeout => 60, i_priority => 0, i_max_retries => 3)).*"#,
            DEFAULT,
        ),
        (
            r#"select (jobs.publish('report', '{"args": [1]}', i_max_retries => 1)).*"#,
            "300 s, priority 5, 1 runs",
        ),
        (r#"select (jobs.publish('report', '{"args": [1]}', i_checked => true)).*"#, DEFAULT),
        (r#"select (jobs.publish('other', '{"args": [1]}')).*"#, DEFAULT),
        (
            r#"select * from jobs.publish_json('[{"task": "report", "body": {"args": [1]}, "priority": 0}]')"#,
            "300 s, priority 0, 7 runs",
        ),
        (r#"select * from jobs.publish_json('[{"task": "other"}]')"#, DEFAULT),
    ] {
        assert_eq!(options(&db, publish).await, expected, "{publish}");
    }
}

#[tokio::test]
async fn a_call_for_several_tasks_takes_the_options_of_each() {
    let db = declared().await;
    db.run(
        r#"select jobs.publish_arrays('{report,other,summary,report}', array_fill('{"args": [1]}'::jsonb, array[4]), null, null,
             array[null, null, 9, null], array[null, 2, null, 1], null, i_checked => array[false, false, false, true])"#,
    )
    .await;
    let expected =
        [DECLARED, "60 s, priority 2, 3 runs", "9 s, priority 5, 7 runs", "60 s, priority 1, 3 runs"];
    assert_eq!(pending(&db).await, expected);
}

#[tokio::test]
async fn packed_rows_take_them_too() {
    let db = declared().await;
    db.run(r#"select jobs.publish_arrays('{report}', array_fill('{"args": [1]}'::jsonb, array[70]), null, null, null, null, null, i_pack => true)"#).await;
    assert_eq!(db.pending_rows().await, 2);
    assert_eq!(pending(&db).await, vec![DECLARED; 70]);
}

#[tokio::test]
async fn a_new_declaration_holds_for_what_is_published_after_it() {
    let db = declared().await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "report", "retries": 2, "timeout": 300, "priority": 5, "result_schema": true,
             "params": [{"name": "n", "type": "i64", "required": true}], "args_schema": {"type": "object"}}]')"#,
    )
    .await;
    let published = options(&db, r#"select (jobs.publish('report', '{"args": [1]}')).*"#).await;
    assert_eq!(published, "300 s, priority 5, 2 runs");
}

#[tokio::test]
async fn a_job_that_takes_back_a_node_has_its_own_tasks_options() {
    let db = declared().await;
    db.run(
        r#"select jobs.publish_workflow('[{"name": "a", "task": "pay", "undo": {"task": "report", "body": {"args": [1]}}}, {"name": "b", "task": "ship", "after": ["a"]}]',
             i_options => '{"on_failure": "compensate"}')"#,
    )
    .await;
    let worker = db.worker(&["pay", "ship"]).await;
    for outcome in ["success", "fail"] {
        let claimed = worker.claim(1).await;
        db.settle(outcome, &claimed.jobs).await;
    }
    assert_eq!(pending(&db).await, [DECLARED]);
}

#[tokio::test]
async fn a_call_by_name_from_rust_says_only_what_it_was_told() {
    let db = declared().await;
    NewJob::named("report").arg(1).publish(&db.pool).await.unwrap();
    NewJob::named("report")
        .arg(1)
        .timeout(Duration::from_secs(60))
        .retries(3)
        .priority(0)
        .publish(&db.pool)
        .await
        .unwrap();
    let calls =
        [NewJob::named("report").arg(1), NewJob::named("report").arg(1).timeout(Duration::from_secs(60))];
    let tx = pgjobs::Tx::begin(&db.pool).await.unwrap();
    for call in calls {
        call.publish(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(pending(&db).await, [DECLARED, DEFAULT, DECLARED, "60 s, priority 5, 7 runs"]);
}
