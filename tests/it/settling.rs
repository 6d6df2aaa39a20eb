//! How runs end, in raw SQL: ack, nack, settle, and the leases that they need.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::Row;

#[tokio::test]
async fn ack_keeps_the_result_and_is_refused_on_a_job_that_is_not_running() {
    let db = Db::new().await;
    db.run("select jobs.publish('a', '{\"args\": [1]}', null, 0.4)").await;
    assert_eq!(db.refusal("select jobs.ack((select job_id from jobs.all))").await.0, "P0001", "pending");
    let status: String = db.one("select (jobs.ack(job_id, '42')).status::text from jobs.consume(1)").await;
    assert_eq!(status, "success");
    let row = sqlx::query("select status, result, timeout::float8, complete_on from jobs.all")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>(0), "success");
    assert_eq!(row.get::<serde_json::Value, _>(1), 42);
    assert!((row.get::<f64, _>(2) - 0.4).abs() < 1e-9, "fractions of a second survive into history");
    assert_eq!(db.refusal("select jobs.ack((select job_id from jobs.all))").await.0, "P0001", "ended");
    assert_eq!(db.refusal("select jobs.nack('nobody')").await.0, "P0001", "unknown");
}

#[tokio::test]
async fn an_ack_is_repeatable_under_its_lease_and_refused_under_another() {
    let db = Db::new().await;
    db.run("select jobs.publish('a'); create table c as select * from jobs.consume(1)").await;
    let (state, message) = db.refusal("select jobs.ack(job_id, null, gen_random_uuid()) from c").await;
    assert_eq!((state.as_str(), message.as_str()), ("PT409", "lease_lost"));
    for _ in 0..2 {
        let result: serde_json::Value = db.one("select (jobs.ack(job_id, '7', lease)).result from c").await;
        assert_eq!(result, 7);
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
    assert_eq!(db.refusal("select jobs.nack(job_id, 'x', null, true, lease) from c").await.0, "PT409");
}

#[tokio::test]
async fn nack_retries_with_backoff_keeps_the_traceback_and_then_fails() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a')").await;
    for (run, (least, most)) in [(1.5, 4.5), (3.0, 9.0)].into_iter().enumerate() {
        db.run("select jobs.nack(job_id, 'boom ' || attempt) from jobs.consume(1)").await;
        let wait: f64 =
            db.one("select extract(epoch from scheduled_at - jobs.now())::float8 from jobs.job_queue").await;
        assert!((least..=most).contains(&wait), "run {run}: {wait}");
        let error: String = db.one("select traceback from jobs.all").await;
        assert_eq!(error, format!("boom {}", run + 1));
        assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 0, "backing off");
        db.advance(Duration::from_secs(10)).await;
    }
    db.run("select jobs.nack(job_id, 'boom 3') from jobs.consume(1)").await;
    let row = sqlx::query("select status, traceback, attempt, retries from jobs.all")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!((row.get::<String, _>(0), row.get::<String, _>(1)), ("failed".into(), "boom 3".into()));
    assert_eq!(
        (row.get::<i32, _>(2), row.get::<i32, _>(3)),
        (3, 2),
        "three runs in all, two of them charged before the last"
    );
}

#[tokio::test]
async fn nack_can_choose_the_time_and_may_fail_a_pending_job_when_asked() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', null, null, null, null, 2)").await;
    db.run("select jobs.nack(job_id, 'x', jobs.now() + interval '1 minute') from jobs.consume(1)").await;
    let wait: f64 =
        db.one("select extract(epoch from scheduled_at - jobs.now())::float8 from jobs.job_queue").await;
    assert!((wait - 60.0).abs() < 1e-6, "{wait}");
    assert_eq!(db.refusal("select jobs.nack(job_id) from jobs.all").await.0, "P0001");
    db.run("select jobs.nack(job_id, 'given up', null, false) from jobs.all").await;
    assert_eq!(db.one::<String>("select status from jobs.all").await, "failed");
}

#[tokio::test]
async fn settle_gives_each_run_its_own_verdict_and_names_the_lost_ones() {
    let db = Db::with_clock().await;
    db.run(
        "select jobs.publish(o, null, null, null, null, 2) from unnest(array['success', 'fail', 'retry', 'snooze', 'release', 'verify', 'lost']) o;
         create table c as select * from jobs.consume(10);
         select jobs.cancel((select array_agg(job_id::text) from c where task = 'lost'))",
    )
    .await;
    let settle = "select coalesce(array_agg((select task::text from c where c.job_id = s.job_id)), '{}') from jobs.settle(
        (select array_agg(job_id::text order by job_id desc) from c), (select array_agg(lease order by job_id desc) from c),
        (select array_agg(replace(task, 'lost', 'success') order by job_id desc) from c),
        (select array_agg(case when task = 'success' then '1'::jsonb end order by job_id desc) from c),
        (select array_agg('why'::text order by job_id desc) from c), (select array_agg(5.0 order by job_id desc) from c)) s";
    assert_eq!(db.one::<Vec<String>>(settle).await, ["lost"]);
    let standing: Vec<String> =
        db.all("select task || ' ' || status || ' ' || retries || ' ' || coalesce(extract(epoch from scheduled_at - jobs.now())::int::text, '-') from jobs.all order by 1").await;
    assert_eq!(
        standing,
        [
            "fail failed 0 -",
            "lost cancelled 0 -",
            "release pending 0 -",
            "retry pending 1 5",
            "snooze pending 0 5",
            "success success 0 -",
            "verify pending 1 5"
        ]
    );
    // Said again: what was accepted as an end is known, what was put back has a new life.
    let mut again = db.one::<Vec<String>>(settle).await;
    again.sort();
    assert_eq!(again, ["lost", "release", "retry", "snooze", "verify"]);
}

#[tokio::test]
async fn heartbeat_prolongs_up_to_the_timeout_and_needs_the_lease() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', null, null, 60); create table c as select * from jobs.consume(1)").await;
    db.advance(Duration::from_secs(50)).await;
    let left: f64 = db
        .one("select extract(epoch from jobs.heartbeat(job_id, lease, 30) - jobs.now())::float8 from c")
        .await;
    assert!((left - 10.0).abs() < 1e-6, "{left}");
    assert_eq!(db.refusal("select jobs.heartbeat(job_id, gen_random_uuid()) from c").await.0, "PT409");
    db.advance(Duration::from_secs(11)).await;
    assert_eq!(db.refusal("select jobs.heartbeat(job_id, lease) from c").await.0, "PT409");
}

#[tokio::test]
async fn a_heartbeat_never_shortens_a_lease() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', null, null, 600); create table c as select * from jobs.consume(1)")
        .await;
    let left: f64 = db
        .one("select extract(epoch from jobs.heartbeat(job_id, lease, 30) - jobs.now())::float8 from c")
        .await;
    assert!((left - 600.0).abs() < 1e-6, "{left}");
}

#[tokio::test]
async fn what_a_claim_took_without_an_answer_is_given_back_uncharged() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('a') from generate_series(1, 5);
         select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{a}', 5, 15);
         select jobs.register_worker('00000000-0000-7000-8000-000000000001', 'h', 1, 'v', '{}', '{a}', 5, 15);
         select jobs.claim('00000000-0000-7000-8000-000000000000', '{a}', 3, '00000000-0000-4000-8000-000000000001', 5)",
    )
    .await;
    let unclaim =
        "select jobs.release('00000000-0000-7000-8000-000000000000', '00000000-0000-4000-8000-000000000001')";
    let another = unclaim.replace("7000-8000-000000000000", "7000-8000-000000000001");
    assert_eq!(db.one::<i32>(&another).await, 0, "not its lease");
    assert_eq!(db.one::<i32>(unclaim).await, 3);
    assert_eq!(db.one::<i32>(unclaim).await, 0);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue where run_at is null and retries = 0").await,
        5
    );
}

#[tokio::test]
async fn what_a_worker_holds_is_told_run_by_run() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('a') from generate_series(1, 70);
         select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{a}', 70, 15);
         select jobs.claim('00000000-0000-7000-8000-000000000000', '{a}', 69, '00000000-0000-4000-8000-000000000001', 5);
         select jobs.consume(1);",
    )
    .await;
    let held = "select array_agg(h.batch_index order by h.batch_index)
        from jobs.held_by('00000000-0000-7000-8000-000000000000') h join jobs.running r using (job_id)
        where h.lease = '00000000-0000-4000-8000-000000000001'";
    assert_eq!(
        db.one::<Vec<i32>>(held).await,
        (0..69).collect::<Vec<_>>(),
        "of two batches, and nobody else's"
    );
    db.run(
        "select jobs.settle(array_agg(h.job_id::text), array_agg(h.lease), i_batch_indexes => array_agg(h.batch_index))
         from jobs.held_by('00000000-0000-7000-8000-000000000000') h where h.batch_index <> 66",
    )
    .await;
    assert_eq!(db.one::<Vec<i32>>(held).await, [66]);
}

#[tokio::test]
async fn a_batch_that_somebody_holds_is_busy_and_holds_up_no_other() {
    use sqlx::{Connection, Executor};
    let db = Db::new().await;
    db.run("select jobs.publish('a') from generate_series(1, 3); create table c as select * from jobs.consume(3)").await;
    let mut other = db.connect().await;
    let mut holding = other.begin().await.unwrap();
    holding
        .execute("select 1 from jobs.batch where first_job = (select min(job_id) from c) for update")
        .await
        .unwrap();
    let settle = "select coalesce(array_agg(s.reason), '{}') from jobs.settle((select array_agg(job_id::text) from c),
        (select array_agg(lease) from c), array_fill('success'::text, array[3]), array_fill(null::jsonb, array[3]),
        array_fill(null::text, array[3]), array_fill(null::float8, array[3])) s";
    assert_eq!(db.one::<Vec<String>>(settle).await, ["busy"]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 2);
    holding.rollback().await.unwrap();
    assert!(db.one::<Vec<String>>(settle).await.is_empty());
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 3);
}

#[tokio::test]
async fn a_result_that_all_have_in_common_is_given_once() {
    let db = Db::new().await;
    db.run("select jobs.publish('a') from generate_series(1, 5); create table c as select * from jobs.consume(5)").await;
    db.run("select jobs.settle((select array_agg(job_id::text) from c), (select array_agg(lease) from c), i_results => '{7}')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where result = '7'").await, 5);
}

#[tokio::test]
async fn nack_under_another_lease_changes_nothing() {
    let db = Db::new().await;
    db.run("select jobs.publish('a'); create table c as select * from jobs.consume(1)").await;
    let stale = "select jobs.nack(job_id, 'late', null, true, gen_random_uuid()) from c";
    assert_eq!(db.refusal(stale).await.0, "PT409");
    assert_eq!(db.one::<i64>("select count(*) from jobs.running where retries = 0").await, 1);
}

#[tokio::test]
async fn verdicts_that_are_fewer_than_their_jobs_are_refused() {
    let db = Db::new().await;
    db.run("select jobs.publish('a') from generate_series(1, 3)").await;
    let lease = "00000000-0000-4000-8000-000000000001";
    db.run(&format!("select jobs.claim(null, '{{a}}', 3, '{lease}')")).await;
    for (outcomes, errors, delays, batch_indexes) in [
        ("'{fail}'", "null", "null", "'{0,1,2}'"),
        ("'{fail,fail,fail}'", "'{boom}'", "null", "'{0,1,2}'"),
        ("null", "null", "'{1,2}'", "'{0,1,2}'"),
        ("null", "null", "null", "'{0,1}'"),
        ("null", "null", "null", "'{0,1,2,3}'"),
    ] {
        let settle = format!(
            "select * from jobs.settle(array(select job_id::text from jobs._runs order by batch_index), array_fill('{lease}'::uuid, array[3]), {outcomes}, null, {errors}, {delays}, {batch_indexes})"
        );
        assert_eq!(db.refusal(&settle).await.0, "PT400", "{settle}");
    }
    assert_eq!(
        db.refusal(&format!("select * from jobs.settle('{{a,b}}', array['{lease}'::uuid])")).await.0,
        "PT400"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs._runs").await, 3, "none was settled");
}
