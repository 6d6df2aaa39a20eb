//! What travels is text: bodies, results and claims are bounded by it, by every function.

use std::time::{Duration, Instant};

use pgjobs_tests::{Claimed, Db, ManualWorker};
use sqlx::types::Uuid;

use crate::sessions::{one, refusal};

/// A body of so many numbers that take 12 bytes each in the database and 131,001 as text.
fn numbers(many: usize) -> String {
    format!("('{{\"args\":[' || repeat('1e131000,', {many} - 1) || '1e131000]}}')::jsonb")
}

#[tokio::test]
async fn a_body_is_measured_as_text_by_every_function() {
    let db = Db::new().await;
    for many in [9, 9000] {
        let body = numbers(many);
        for call in [
            format!("select jobs.publish('a', {body})"),
            format!("select jobs.publish('a', {body}, i_checked => true)"),
            format!("select jobs.publish_bulk(array[('a', {body}, null, null, null, null)::jobs.bulk_job])"),
            format!(
                "select jobs.publish_json(jsonb_build_array(jsonb_build_object('task', 'a', 'body', {body})))"
            ),
            format!("select jobs.publish_arrays('{{a}}', array[{body}], null, null, null, null, null)"),
            format!(
                "select jobs.publish_arrays('{{a}}', array_fill({body}, array[64]), null, null, null, null, null, i_pack => true, i_checked => '{{t}}')"
            ),
            format!(
                "select jobs.publish_arrays('{{a}}', array[{body}], null, null, null, null, null, array[jobs._new_job_id(jobs._id_time(now()), 1)])"
            ),
        ] {
            let (state, message) = db.refusal(&call).await;
            assert_eq!(state, "PT413", "{call}: {message}");
            assert!(
                message.contains("bytes") && message.contains("limit is 1048576")
                    || message.contains("at most"),
                "{call}: {message}"
            );
        }
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 0);
    db.run(&format!("select jobs.publish('a', {})", numbers(8))).await;
    assert_eq!(db.one::<i32>("select bytes from jobs.pending").await, 8 * 131_001 + 7 * 2 + 12);
}

/// What a compressed value of a table takes there is not what it takes on its way either.
#[tokio::test]
async fn a_compressed_body_is_measured_as_text() {
    let db = Db::new().await;
    db.run("create table t as select to_jsonb(repeat('x', 2000000)) as body").await;
    assert!(db.one::<i32>("select pg_column_size(body) from t").await < 100_000);
    assert_eq!(db.refusal("select jobs.publish('a', body) from t").await.0, "PT413");
    assert_eq!(
        db.refusal(
            "select jobs.publish_bulk(array[('a', body, null, null, null, null)::jobs.bulk_job]) from t"
        )
        .await
        .0,
        "PT413"
    );
}

#[tokio::test]
async fn the_bodies_of_a_call_are_bounded_in_all() {
    let db = Db::new().await;
    let bulk = "select jobs.publish_arrays('{a}', array_fill(to_jsonb(repeat('x', 1000000)), array[70]), null, null, null, null, null)";
    let (state, message) = db.refusal(bulk).await;
    assert_eq!(
        (state.as_str(), message.contains("70000140 bytes") || message.contains("at most 67108864")),
        ("PT413", true),
        "{message}"
    );
}

#[tokio::test]
async fn a_result_is_measured_as_text_by_every_function() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let result = numbers(9000);
    db.publish_many("a", 1..=2).await;
    db.run("create table c as select * from jobs.consume(1)").await;
    assert_eq!(db.refusal(&format!("select jobs.ack(job_id, {result}, lease) from c")).await.0, "PT413");
    let claimed = worker.claim(1).await.jobs.remove(0);
    let settle = format!(
        "select jobs.settle(array['{}'], array['{}'::uuid], i_results => array[{result}], i_batch_indexes => '{{0}}')",
        claimed.job_id, claimed.lease
    );
    assert_eq!(db.refusal(&settle).await.0, "54000", "what a worker takes for a fault of the result");
    assert_eq!(db.count("running").await, 2, "nothing has ended");
}

#[tokio::test]
async fn the_size_of_a_result_is_a_setting() {
    let db = Db::new().await;
    db.run("update jobs.config set max_result_bytes = 1000").await;
    db.publish("a", 1).await;
    db.run("create table c as select * from jobs.consume(1)").await;
    assert_eq!(db.refusal("select jobs.ack(job_id, '1e2000', lease) from c").await.0, "PT413");
    db.run("select jobs.ack(job_id, '[1, 2]', lease) from c").await;
}

/// Only as the first of a claim: jobs that are read when the first did not suffice do not bring it behind others.
#[tokio::test]
async fn a_job_of_twenty_megabytes_does_not_come_behind_others() {
    let db = Db::new().await;
    let worker = db.worker(&["a", "b"]).await;
    db.run("update jobs.config set max_body_bytes = 100000000").await;
    for (packed, before, tasks, num, first, second) in [
        (0, 1, &["a"][..], 10, 1, 1),
        (64, 2, &["a"], 200, 66, 1),
        // Several tasks: what was counted on did not fit, so the rest is read; the job of b comes behind the large one.
        (0, 1, &["a", "b"], 10, 1, 2),
    ] {
        if packed > 0 {
            db.publish_packed("a", 1..=packed).await;
        }
        db.publish_many("a", 1..=before).await;
        db.run("select jobs.publish('a', to_jsonb(repeat('x', 20000000)))").await;
        db.publish("b", 1).await;
        assert_eq!(worker.claim(num).tasks(tasks).await.started(), first, "what came before it");
        assert_eq!(worker.claim(num).tasks(tasks).await.started(), second, "the large one");
        db.run("select jobs.purge('*')").await;
    }
}

#[tokio::test]
async fn a_claim_takes_about_eight_megabytes_and_at_least_one_job() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.run("select jobs.publish('a', to_jsonb(repeat('x', 1000000))) from generate_series(1, 30)").await;
    let first = worker.claim(1000).await.started();
    assert!((6..=10).contains(&first), "{first} jobs of a megabyte");
    assert_eq!(worker.claim(1).await.started(), 1);
    let consumed: i64 = db.one("select count(*) from jobs.consume(15)").await;
    assert_eq!(consumed, 15, "whoever names a number gets it");
}

/// PostgreSQL commits when the answer is on its way, and a client may be frozen: a large one is a statement of its own.
#[tokio::test]
async fn a_large_answer_is_fetched_when_the_claim_has_committed() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.run("select jobs.publish('a', to_jsonb(repeat('x', 1000))) from generate_series(1, 200)").await;
    let claimed = worker.claim(200).await;
    let sent: Vec<_> = claimed.batches.iter().map(|batch| batch.sent).collect();
    assert_eq!(sent, [None; 4], "four batches, none with its jobs");
    let fetched = async |worker: Uuid, part: &str| -> Option<i64> {
        let lease = claimed.lease;
        db.one(&format!("select sum(cardinality(f.jobs)) from jobs.fetch('{worker}', '{lease}', {part}) f"))
            .await
    };
    assert_eq!(fetched(worker.id, "null").await, Some(200));
    assert_eq!(fetched(worker.id, "3").await, Some(8));
    assert_eq!(fetched(Uuid::nil(), "null").await, None, "for its worker alone");
}

/// A database that took such a body before there was a limit, or by another way.
#[tokio::test]
async fn fail_next_fails_a_job_that_cannot_be_sent_and_no_other() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await.id;
    let fail = format!("select jobs.fail_next('{worker}', '{{a}}', gen_random_uuid(), 'it cannot be sent')");
    assert_eq!(db.one::<Option<String>>(&fail).await, None, "there is none");
    db.publish("a", 1).priority(1).await;
    db.run(&format!("insert into jobs.pending (id, job_id, task, body, created_at, ready_seq, bytes) select 1000, jobs._new_job_id(jobs._id_time(now()), 1000), 'a', {}, now(), 1000, 268435456", numbers(9000))).await;
    assert_eq!(db.one::<Option<String>>(&fail).await, None, "the next can be sent, and is released");
    let pending = "select count(*) from jobs.job_queue where retries = 0 and worker is null";
    assert_eq!(db.one::<i64>(pending).await, 2);
    db.run("select jobs.cancel(array[job_id]) from jobs.pending where bytes = 1").await;
    assert!(db.one::<Option<String>>(&fail).await.is_some());
    let ended = "select status::text || ' ' || traceback from jobs.job where status = 'failed'";
    assert_eq!(db.one::<String>(ended).await, "failed it cannot be sent");
}

/// Fails 200 runs with errors of the greatest length, and claims the jobs again.
async fn claim_with_long_errors(db: &Db, worker: &ManualWorker<'_>) -> Claimed {
    db.publish_many("a", 1..=200).await;
    assert_eq!(worker.claim(200).await.len(), 200);
    db.run(
        "select count(*) from (select array_agg(job_id::text) as ids, array_agg(lease) as leases from jobs._runs) r,
           jobs.settle(ids, leases, i_outcomes => array_fill('retry'::text, array[200]),
             i_errors => array_fill(repeat('\u{1f600}', 65500), array[200]), i_delays => array_fill(0::float8, array[200]))",
    )
    .await;
    worker.claim(200).await
}

/// An error travels with its job as a body does.
#[tokio::test]
async fn errors_are_short_and_weigh_what_they_take() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let claimed = claim_with_long_errors(&db, &worker).await;
    assert!(claimed.batches.iter().all(|batch| batch.sent.is_none()), "they are too large for the answer");
    let longest = "select max(octet_length(traceback)) / 1000 from jobs.job_queue";
    assert_eq!(db.one::<i32>(longest).await, 65);
    let sent: i64 = db
        .one(&format!(
            "select sum(octet_length(f.jobs::text)) from jobs.fetch('{}', '{}') f",
            worker.id, claimed.lease
        ))
        .await;
    assert!((1_000_000..17_000_000).contains(&sent), "{sent} bytes");
}

/// Four hundred bytes of numbers are a million of text: to write down all of them would take a minute.
#[tokio::test]
async fn a_call_stops_at_the_first_body_that_is_too_large() {
    let db = Db::new().await;
    let large = r#"('{"args":[' || repeat('1e131000,', 500) || '1]}')::jsonb"#;
    for call in [
        format!(
            "select jobs.publish_arrays('{{a}}', array_fill({large}, array[1000]), null, null, null, null, null)"
        ),
        format!(
            "select jobs.publish_bulk(array_fill(row('a', {large}, null, null, null, null)::jobs.bulk_job, array[1000]))"
        ),
    ] {
        let begun = std::time::Instant::now();
        let (state, message) = db.refusal(&call).await;
        assert!(state == "PT413" && message.starts_with("job 1 of 1000: "), "{message}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

/// As it lies in a table, to be published from there.
#[tokio::test]
async fn a_compressed_body_is_weighed_without_being_written_down() {
    let db = Db::new().await;
    db.run("create table big as select ('[' || repeat('1e131000,', 8999) || '1e131000]')::jsonb as n").await;
    let begun = Instant::now();
    let (code, message) = db.refusal("select jobs.publish('t', (select n from big))").await;
    assert!(
        code == "PT413" && begun.elapsed() < Duration::from_secs(4),
        "{code} {message} {:?}",
        begun.elapsed()
    );
}

/// One name for many jobs is looked at before it is written down for each: 9 kB would be 270 MB.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_that_is_none_is_refused_before_it_is_multiplied() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    let call = "select jobs.publish_arrays(array[repeat('x', 9000)], array_fill('{}'::jsonb, array[30000]), null, null, null, null, null)";
    let (code, message) = refusal(&mut session, call).await;
    assert!(code == "PT400" && message.starts_with("job 1 of 30000: a task name"), "{code} {message}");
    let peak = "select substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') from 'VmHWM:\\s+(\\d+)')::bigint / 1024";
    let megabytes: i64 = one(&mut session, peak).await;
    assert!(megabytes < 200, "{megabytes} MB");
}
