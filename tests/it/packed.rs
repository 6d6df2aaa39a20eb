//! Packed rows: what is packed, and that jobs in them are published, found and ended like others.
//! How they are claimed is in packed_claims.rs.

use std::time::Duration;

use pgjobs_tests::Db;

#[tokio::test]
async fn packed_jobs_take_few_rows_and_their_ids_ascend() {
    let db = Db::new().await;
    let ids = db.publish_packed("a", 1..=150).await;
    assert_eq!((ids.len(), db.pending_rows().await), (150, 3));
    assert!(ids.is_sorted(), "in the order of publishing");
    let distinct = "select count(distinct job_id) from jobs.job_queue where job_id ~ '^[0-9a-f]{12}7[0-9a-f]{3}8[0-9a-f]{15}$'";
    assert_eq!(db.one::<i64>(distinct).await, 150);
}

#[tokio::test]
async fn packed_jobs_are_found_and_counted_like_others() {
    let db = Db::new().await;
    let ids = db.publish_packed("a", 1..=150).await;
    for (nth, body) in [(0, 1), (1, 2), (63, 64), (64, 65), (149, 150)] {
        let found = format!("select body::integer from jobs.get('{}') where status = 'pending'", ids[nth]);
        assert_eq!(db.all::<i32>(&found).await, [body]);
    }
    assert_eq!(db.one::<i64>("select ready from jobs.overview()").await, 150);
    assert_eq!(db.one::<i64>("select jobs.count('pending', 'a')").await, 150);
    assert_eq!(db.one::<i64>("select jobs.count('pending', 'a', 100)").await, 100);
    let pending = "select count(*) from jobs.\"all\" where status = 'pending' and attempt = 0";
    assert_eq!(db.one::<i64>(pending).await, 150);
}

/// The rows of what this call publishes into an empty queue.
async fn rows_of(db: &Db, publish: &str) -> i64 {
    db.run(&format!("truncate jobs.pending; {publish}")).await;
    db.pending_rows().await
}

const IN_BULK: [(&str, &str); 3] = [
    (
        "publish_bulk",
        "select count(*) from jobs.publish_bulk(array_fill(('a', '1', null, null, null, null)::jobs.bulk_job, array[70]))",
    ),
    (
        "publish_json",
        "select count(*) from jobs.publish_json((select jsonb_agg('{\"task\": \"a\", \"body\": 1}'::jsonb) from generate_series(1, 70)))",
    ),
    (
        "publish_arrays",
        "select cardinality(jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[70]), null, null, null, null, null))",
    ),
];

#[tokio::test]
async fn every_bulk_is_packed_where_only_workers_claim() {
    let db = Db::new().await;
    for (call, sql) in IN_BULK {
        assert_eq!(rows_of(&db, sql).await, 2, "{call}");
    }
}

#[tokio::test]
async fn no_bulk_is_packed_for_a_week_after_a_plain_client_has_claimed() {
    let db = Db::with_clock().await;
    db.run("select jobs.consume('nothing', 1)").await;
    for (hours, rows) in [(0, 70), (167, 70), (1, 2)] {
        db.advance(Duration::from_secs(hours * 3600)).await;
        for (call, sql) in IN_BULK {
            assert_eq!(rows_of(&db, sql).await, rows, "{call} after {hours} hours more");
        }
    }
    // A poll renews it before it ends, and one that a wrong clock has set is set back.
    db.run("select jobs.consume('nothing', 1); select setval('jobs.plain_clients_until', (extract(epoch from jobs.now()) * 1000)::bigint + 500000000)").await;
    db.run("select jobs.consume('nothing', 1)").await;
    let left =
        "select (last_value - extract(epoch from jobs.now()) * 1000)::bigint from jobs.plain_clients_until";
    assert_eq!(db.one::<i64>(left).await, 604_800_000);
    db.run("select setval('jobs.plain_clients_until', (extract(epoch from jobs.now()) * 1000)::bigint + 3000000000); select jobs.consume('nothing', 1)").await;
    assert_eq!(db.one::<i64>(left).await, 604_800_000);
}

#[tokio::test]
async fn a_bulk_of_mixed_jobs_is_not_packed() {
    let db = Db::new().await;
    for differs in [
        "('b', '1', null, null, null, null)",
        "('a', '1', now() + interval '1 h', null, null, null)",
        "('a', '1', null, null, 3, null)",
    ] {
        let publish = format!(
            "select jobs.publish_bulk(array_fill(('a', '1', null, null, null, null)::jobs.bulk_job, array[69]) || {differs}::jobs.bulk_job)"
        );
        assert_eq!(rows_of(&db, &publish).await, 70, "{differs}");
    }
}

/// Whether they are packed or not, values that are given for some jobs alone are not taken for all.
#[tokio::test]
async fn arrays_of_another_length_mean_the_same_packed_or_not() {
    let db = Db::new().await;
    for arrays in [
        "i_tasks => '{a}', i_priorities => '{5,5}'",
        "i_tasks => '{a}', i_priorities => array_fill(5, array[71])",
        "i_tasks => '{a,a}', i_priorities => null",
        "i_tasks => array_fill('a'::text, array[71]), i_priorities => null",
        "i_tasks => '{a}', i_priorities => array_fill(3, array[35, 2])",
    ] {
        let mut stored = Vec::new();
        for pack in [true, false] {
            let call = format!(
                "select cardinality(jobs.publish_arrays({arrays}, i_bodies => array_fill('1'::jsonb, array[70]), i_scheduled_at => null,
                   i_delays => null, i_timeouts => null, i_max_retries => null, i_pack => {pack}))"
            );
            db.run("truncate jobs.pending").await;
            let answer = sqlx::query(sqlx::AssertSqlSafe(call))
                .execute(&db.pool)
                .await
                .map_err(|error| error.to_string());
            let priorities = db.all::<i32>("select priority from jobs._waiting order by id").await;
            stored.push((answer.map(|_| ()), priorities));
        }
        assert_eq!(stored[0], stored[1], "{arrays}");
    }
}

/// The random halves of ids made at once must not repeat each other.
#[tokio::test]
async fn ids_made_at_once_share_no_random_part() {
    let db = Db::new().await;
    db.publish_packed("a", 1..=5000).await;
    let parts = "select count(distinct right(job_id, 12)) from jobs.job_queue";
    assert_eq!(db.one::<i64>(parts).await, 5000);
    let ones = "select bit_count(('x' || string_agg(right(job_id, 12), ''))::varbit)::float8 / (5000 * 48) from jobs.job_queue";
    let share: f64 = db.one(ones).await;
    assert!((0.49..0.51).contains(&share), "no bit of them is fixed: {share}");
}

/// `jobs.publish_arrays` with these arguments beside the tasks and bodies; null where not given.
fn publish_arrays(tasks: &str, bodies: &str, arrays: &str) -> String {
    let mut call =
        format!("select jobs.publish_arrays(i_tasks => {tasks}, i_bodies => {bodies}, i_pack => true");
    for array in ["i_scheduled_at", "i_delays", "i_timeouts", "i_priorities", "i_max_retries"] {
        if !arrays.contains(array) {
            call += &format!(", {array} => null");
        }
    }
    format!("{call}{}{arrays})", if arrays.is_empty() { "" } else { ", " })
}

#[tokio::test]
async fn only_due_jobs_of_one_task_and_priority_are_packed() {
    let db = Db::new().await;
    let (task, bodies) = ("'{a}'", "array_fill('1'::jsonb, array[70])");
    for (tasks, bodies, arrays, rows) in [
        (task, bodies, "", 2),
        (task, "array_fill('1'::jsonb, array[63])", "", 63),
        ("array_append(array_fill('a'::text, array[69]), 'b')", bodies, "", 70),
        (task, bodies, "i_priorities => '{5}'", 2),
        (task, bodies, "i_priorities => array_append(array_fill(5, array[69]), 6)", 70),
        (task, bodies, "i_delays => '{60}'", 70),
        (task, bodies, "i_scheduled_at => array[now()]", 70),
        (task, "array_fill(to_jsonb(repeat('x', 70000)), array[70])", "", 70),
    ] {
        let publish = publish_arrays(tasks, bodies, arrays);
        assert_eq!(rows_of(&db, &publish).await, rows, "{tasks} {bodies} {arrays}");
    }
}

#[tokio::test]
async fn a_value_that_is_given_once_applies_to_every_job() {
    let db = Db::new().await;
    let alike = "select count(*) from jobs.job_queue where task = 'a' and timeout = 9 and priority = 5 and max_retries = 7";
    db.publish_packed("a", 1..=70).timeout(9.0).priority(5).max_retries(7).await;
    assert_eq!((db.pending_rows().await, db.one::<i64>(alike).await), (2, 70));
    let arrays = "i_timeouts => '{9}', i_priorities => '{5}', i_max_retries => '{7}'";
    let call = publish_arrays("'{a}'", "array_fill('1'::jsonb, array[70])", arrays);
    db.run(&format!("truncate jobs.pending; {}", call.replace("i_pack => true", "i_pack => false"))).await;
    assert_eq!((db.pending_rows().await, db.one::<i64>(alike).await), (70, 70));
}

#[tokio::test]
async fn a_delay_that_is_given_once_applies_to_every_job() {
    let db = Db::new().await;
    db.publish_packed("a", 1..=3).delay(60.0).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue where scheduled_at > now()").await, 3);
}

#[tokio::test]
async fn a_job_that_is_refused_is_named_and_refuses_the_whole_call() {
    let db = Db::new().await;
    db.run("update jobs.config set max_body_bytes = 1000").await;
    let large = "(select array_agg(to_jsonb(repeat('x', case when g = 70 then 2000 else 10 end))) from generate_series(1, 90) g)";
    let small = "array_fill('1'::jsonb, array[90])";
    let timeouts = "i_timeouts => array_fill(0.0::float8, array[90])";
    for (task, bodies, arrays, code, start) in [
        ("'{a}'", large, "", "PT413", "job 70 of 90: the body of task 'a' takes "),
        ("'{a}'", small, timeouts, "PT400", "job 1 of 90: timeout"),
        ("array['']", small, "", "PT400", "job 1 of 90: "),
    ] {
        let (refused, message) = db.refusal(&publish_arrays(task, bodies, arrays)).await;
        assert_eq!((refused.as_str(), message.starts_with(start)), (code, true), "{message}");
    }
    assert_eq!(db.pending_rows().await, 0);
}

#[tokio::test]
async fn each_packed_job_keeps_its_own_timeout_and_max_retries() {
    let db = Db::new().await;
    let of_ninth = |value: &str| {
        format!("(select array_agg(case when g = 9 then {value} end) from generate_series(1, 64) g)")
    };
    let arrays = format!("i_timeouts => {}, i_max_retries => {}", of_ninth("7.5::float8"), of_ninth("8"));
    db.run(&publish_arrays("'{a}'", "array_fill(null::jsonb, array[64])", &arrays)).await;
    let jobs = |timeout: &str, runs: u32| {
        format!("select count(*) from jobs.job_queue where timeout = {timeout} and max_retries = {runs}")
    };
    assert_eq!(db.one::<i64>(&jobs("7.5", 8)).await, 1);
    assert_eq!(db.one::<i64>(&jobs("60", 3)).await, 63);
    assert_eq!(db.worker(&["a"]).await.claim(64).await.len(), 64);
    let first = "select count(*) from jobs.batch where expires_at = run_at + interval '12.5 s'";
    assert_eq!(db.one::<i64>(first).await, 1, "the batch expires with the first of its jobs");
}

#[tokio::test]
async fn an_id_of_a_requeued_job_cannot_be_published_again() {
    let db = Db::new().await;
    db.run("create table id as select jobs._new_job_id(jobs._id_time(now()), 5) as id; select jobs.publish('a', i_job_id => id) from id").await;
    db.run("select jobs.nack(job_id, 'no', now(), i_lease => lease) from jobs.consume()").await;
    assert_eq!(db.refusal("select jobs.publish('a', i_job_id => id) from id").await.0, "PT409");
    let many = publish_arrays("'{a}'", "'{1}'", "i_job_ids => (select array_agg(id) from id)");
    assert_eq!(db.refusal(&many).await.0, "PT409");
}

#[tokio::test]
async fn an_id_of_a_packed_job_cannot_be_published_again() {
    let db = Db::new().await;
    db.publish_packed("a", 1..=64).await;
    let ids = "i_job_ids => (select array[max(job_id::text), '0192aaaaaaaa7aaa8aaaaaaaaaaaaaaa'] from jobs.job_queue)";
    assert_eq!(db.refusal(&publish_arrays("'{a,a}'", "'{1,2}'", ids)).await.0, "PT409");
}

#[tokio::test]
async fn a_packed_job_is_cancelled_or_failed_without_the_others() {
    let db = Db::new().await;
    let (worker, ids) = (db.worker(&["a"]).await, db.publish_packed("a", 1..=64).await);
    let cancel = format!("select jobs.cancel(array['{}', '{}'])", ids[4], ids[5]);
    assert_eq!(db.all::<String>(&cancel).await.len(), 2);
    db.run(&format!("select jobs.nack('{}', 'no', null, false)", ids[6])).await;
    assert_eq!(db.count("cancelled").await, 2);
    assert_eq!(db.one::<i32>("select retries from jobs.job_queue where body = '7'").await, 1);
    assert_eq!(worker.claim(6).await.bodies(), [1, 2, 3, 4, 8, 9]);
}

#[tokio::test]
async fn purging_deletes_whole_rows_and_returns_how_many_jobs() {
    let db = Db::new().await;
    db.publish_packed("a", 1..=200).await;
    db.publish_packed("b", 1..=64).await;
    assert_eq!(db.one::<i64>("select jobs.purge('a', 60)").await, 100, "two rows of fifty");
    assert_eq!(db.one::<i64>("select jobs.purge('a')").await, 100);
    assert_eq!(db.one::<i64>("select jobs.purge('a')").await, 0);
    assert_eq!(db.one::<i64>("select jobs.count('pending', '*')").await, 64);
}

/// Pages of every size, over rows of one and of many jobs, published in the same millisecond or not.
#[tokio::test]
async fn pages_of_pending_jobs_are_in_order_and_complete() {
    let db = Db::with_clock().await;
    db.publish_packed("a", 1..=100).await;
    db.publish_packed("a", 101..=170).await;
    db.publish_many("a", 171..=180).await;
    db.advance(Duration::from_secs(1)).await;
    db.publish_packed("a", 181..=244).await;
    db.publish("b", 1).await;
    let newest_first = "select job_id::text from jobs.job_queue where task = 'a' order by job_id desc";
    let all: Vec<String> = db.all(newest_first).await;
    assert_eq!(all.len(), 244);
    for (state, num) in [("'pending'", 1), ("null", 7), ("'pending'", 64), ("null", 100)] {
        assert_eq!(pages(&db, state, num).await, all, "pages of {num}");
    }
}

/// The ids of all jobs of task a, asked for in pages of so many.
async fn pages(db: &Db, state: &str, num: usize) -> Vec<String> {
    let mut paged: Vec<String> = Vec::new();
    loop {
        let before = paged.last().map_or("null".to_owned(), |id| format!("'{id}'"));
        let find = format!("select job_id::text from jobs.find({state}, 'a', {before}, {num})");
        let page = db.all(&find).await;
        if page.is_empty() {
            return paged;
        }
        paged.extend(page);
    }
}

mod tasks {
    #[pgjobs::task(name = "packed.plain")]
    pub(super) async fn plain(_n: i64) {}

    #[pgjobs::task(name = "packed.with_job")]
    pub(super) async fn with_job(#[inject] _job: &pgjobs::Job, _n: i64) {}
}

/// A task that asks for its job may end it inside a transaction of its own, which would lock the others' row.
#[tokio::test]
async fn publish_all_packs_jobs_unless_their_task_asks_for_its_job() {
    let db = Db::new().await;
    let plain = pgjobs::publish_all(&db.pool, (0..200).map(tasks::plain::new)).await.unwrap();
    assert_eq!((plain.len(), db.pending_rows().await), (200, 4));
    pgjobs::publish_all(&db.pool, (0..200).map(tasks::with_job::new)).await.unwrap();
    assert_eq!(db.pending_rows().await, 204);
    let worker = pgjobs::Worker::new(db.pool.clone()).topic("packed.*").concurrency(20);
    assert_eq!(worker.burst().run().await.unwrap().succeeded, 400);
    let succeeded = "select count(distinct job_id) from jobs.job where status = 'success'";
    assert_eq!(db.one::<i64>(succeeded).await, 400);
}
