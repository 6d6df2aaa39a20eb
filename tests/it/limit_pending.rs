//! Pending jobs that limits know of: how they are listed, and what changing or ending them from outside
//! leaves.

use std::time::Duration;

use pgjobs_tests::Db;

/// Under a limit of one job for each customer: a job of customer 1 runs, and three more wait, the last of
/// another task.
async fn blocked() -> Db {
    let db = Db::with_clock().await;
    db.run(
        r#"select jobs.set_limit('each', 'mail.*', '{"key": ["customer"], "max": 1}');
           select jobs.publish('mail.send', jsonb_build_object('kwargs', jsonb_build_object('customer', 1, 'n', g)), i_max_retries => 3) from generate_series(1, 3) g;
           select jobs.publish('mail.index', '{"kwargs": {"customer": 1, "n": 4}}'); select jobs.consume(1)"#,
    )
    .await;
    db.run("select jobs.consume(10)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where bucket is not null").await, 3);
    db
}

/// What can be claimed now, by the number that each job has among its arguments.
async fn taken(db: &Db) -> Vec<i32> {
    db.all("select (body->'kwargs'->>'n')::integer from jobs.consume(10)").await
}

/// Under a limit in order: a job of account 1 waits an hour for its next run, and another one of its key is
/// blocked.
async fn kept() -> Db {
    let db = Db::with_clock().await;
    db.run(
        r#"select jobs.set_limit('line', 'post', '{"key": ["account"], "in_order": true}');
           select jobs.publish('post', jsonb_build_object('kwargs', jsonb_build_object('account', 1, 'n', g)), i_max_retries => 3) from generate_series(1, 2) g;
           select jobs.consume(10); select jobs.nack(job_id, 'x', jobs.now() + interval '1 h') from jobs.running"#,
    )
    .await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where (on_end).kept is not null").await, 1);
    assert_eq!(taken(&db).await, [0; 0], "the first of its key comes first");
    db
}

const HEAD: &str = "select job_id from jobs.pending where (body->'kwargs'->>'n')::integer = 1";

#[tokio::test]
async fn blocked_jobs_are_listed_and_counted_as_ready_ones() {
    let db = blocked().await;
    db.advance(Duration::from_secs(60)).await;
    for (what, query, expected) in [
        ("find", "select count(*)::text from jobs.find('pending')", "3"),
        ("count", "select jobs.count('pending', 'mail.*')::text", "3"),
        (
            "get",
            "select string_agg(g.status, ' ') from jobs.pending q, jobs.get(q.job_id) g",
            "pending pending pending",
        ),
        (
            "overview",
            "select string_agg(concat_ws(' ', task, ready, running, round(extract(epoch from jobs.now() - oldest_ready))), ', ' order by task) from jobs.overview()",
            "mail.index 1 0 60, mail.send 2 1 60",
        ),
        (
            "open counts",
            "select string_agg(concat_ws(' ', task, ready), ', ' order by task) from jobs.open_counts()",
            "mail.index 1, mail.send 2",
        ),
        (
            "tasks in use",
            "select string_agg(concat_ws(' ', task, ready), ', ' order by task) from jobs.tasks_in_use('{*}')",
            "mail.index 1, mail.send 2",
        ),
        ("check", "select count(*)::text from jobs.read_ready('mail.send')", "2"),
        (
            "metrics",
            "select string_agg(labels->>'task' || ' ' || value, ', ' order by labels->>'task') from jobs.metrics('tasks') where name = 'pgjobs_open_jobs' and labels->>'state' = 'ready'",
            "mail.index 1, mail.send 2",
        ),
        (
            "age",
            "select string_agg(labels->>'task' || ' ' || round(value), ', ' order by labels->>'task') from jobs.metrics('tasks') where name = 'pgjobs_oldest_ready_seconds'",
            "mail.index 60, mail.send 60",
        ),
        ("search", "select count(job_id)::text from jobs.search('ready')", "3"),
    ] {
        assert_eq!(db.one::<String>(query).await, expected, "{what}");
    }
}

#[tokio::test]
async fn jobs_that_limits_keep_back_are_no_problem_of_workers() {
    let db = blocked().await;
    db.worker_with_lease(&["mail.send", "mail.index"], 3600).await;
    db.advance(Duration::from_secs(600)).await;
    let waits = "select count(*) from jobs.problems() where code in ('jobs_wait', 'workers_busy')";
    assert_eq!(db.one::<i64>(waits).await, 0);
    db.run(r#"select jobs.publish('mail.send', '{"kwargs": {"customer": 2}}', i_priority => -1)"#).await;
    db.advance(Duration::from_secs(400)).await;
    assert_eq!(db.one::<i64>(waits).await, 1, "one that none keeps back is found behind them");
}

#[tokio::test]
async fn a_blocked_job_with_another_key_starts_at_once() {
    let db = blocked().await;
    let edit = |n: i32, how: &str| {
        format!("select jobs.edit(job_id, {how}) from jobs.pending where body->'kwargs'->>'n' = '{n}'")
    };
    db.run(&edit(3, r#"'{"kwargs": {"customer": 1, "n": 3, "other": true}}'"#)).await;
    assert_eq!(taken(&db).await, [0; 0], "its key is the same");
    db.run(&edit(3, r#"'{"kwargs": {"customer": 2, "n": 3}}'"#)).await;
    assert_eq!(taken(&db).await, [3]);
}

/// Of the jobs of a bucket, claims look for none before the place that they know.
#[tokio::test]
async fn a_blocked_job_with_another_priority_comes_first() {
    let db = blocked().await;
    db.run("select jobs.edit(job_id, i_priority => 5) from jobs.pending where body->'kwargs'->>'n' = '3'")
        .await;
    assert_eq!(taken(&db).await, [0; 0], "its key has no slot");
    db.run("select jobs.ack(job_id) from jobs.running").await;
    assert_eq!(taken(&db).await, [3]);
    db.run("select jobs.ack(job_id) from jobs.running").await;
    assert_eq!(taken(&db).await, [2], "the others stay in their order");
}

#[tokio::test]
async fn a_blocked_job_that_is_scheduled_anew_waits_for_its_time() {
    let db = blocked().await;
    db.run("select jobs.edit(job_id, i_scheduled_at => jobs.now() + interval '1 h') from jobs.pending where body->'kwargs'->>'n' = '2'").await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.pending where ready_seq is null and bucket is null").await,
        1
    );
    db.run("select jobs.ack(job_id) from jobs.running").await;
    assert_eq!(taken(&db).await, [3]);
    db.advance(Duration::from_secs(3601)).await;
    db.run("select jobs.ack(job_id) from jobs.running; select jobs.maintain()").await;
    assert_eq!(taken(&db).await.len(), 1);
}

#[tokio::test]
async fn cancel_and_purge_end_blocked_jobs() {
    let db = blocked().await;
    db.run(
        "select jobs.cancel(array(select job_id::text from jobs.pending where body->'kwargs'->>'n' = '2'))",
    )
    .await;
    assert_eq!(db.one::<i64>("select jobs.purge('mail.send')").await, 1);
    db.run("select jobs.ack(job_id) from jobs.running").await;
    assert_eq!(taken(&db).await, [4], "the next of its key starts");
    db.run("select jobs.ack(job_id) from jobs.running; select jobs.retry(array(select job_id::text from jobs.job where status = 'cancelled'))").await;
    assert_eq!(taken(&db).await, [2]);
}

#[tokio::test]
async fn a_blocked_job_that_is_replaced_starts_with_its_new_key() {
    let db = blocked().await;
    let publish = |customer: i32| {
        format!(
            r#"select jobs.publish('mail.send', '{{"kwargs": {{"customer": {customer}, "n": 5}}}}', i_unique => '{{"key": 1, "on_conflict": "replace", "until": "ended"}}')"#
        )
    };
    db.run(&publish(1)).await;
    assert_eq!(taken(&db).await, [0; 0]);
    db.run(&publish(2)).await;
    assert_eq!(taken(&db).await, [5]);
}

#[tokio::test]
async fn a_job_that_kept_its_key_and_is_cancelled_lets_the_next_start() {
    let db = kept().await;
    db.run(&format!("select jobs.cancel(array({HEAD}))")).await;
    assert_eq!(taken(&db).await, [2]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where on_end is distinct from null").await, 0);
    db.run("select jobs.retry(array(select job_id::text from jobs.job))").await;
    assert_eq!(taken(&db).await, [0; 0], "it comes after the one that runs");
    db.run("select jobs.ack(job_id) from jobs.running").await;
    assert_eq!(taken(&db).await, [1]);
}

#[tokio::test]
async fn a_job_that_kept_its_key_and_is_purged_lets_the_next_start() {
    let db = kept().await;
    db.run("update jobs.pending set task = 'post.gone' where (on_end).kept is not null; select jobs.purge('post.gone')").await;
    assert_eq!(taken(&db).await, [2]);
}

#[tokio::test]
async fn a_job_that_kept_its_key_keeps_it_unless_it_is_edited_to_another_one() {
    let db = kept().await;
    db.run(&format!(r#"select jobs.edit(({HEAD}), '{{"kwargs": {{"account": 1, "n": 1, "x": 1}}}}')"#)).await;
    assert_eq!(taken(&db).await, [0; 0]);
    db.run(&format!(r#"select jobs.edit(({HEAD}), '{{"kwargs": {{"account": 2, "n": 1}}}}')"#)).await;
    assert_eq!(taken(&db).await, [2]);
    assert_eq!(db.one::<i64>("select held from jobs.limits()").await, 1);
}

#[tokio::test]
async fn a_job_that_kept_its_key_fails_for_good_and_gives_it_back() {
    let db = kept().await;
    let nack =
        format!("select jobs.nack(({HEAD}), 'x', jobs.now() + interval '1 h', ensure_running => false)");
    db.run(&nack).await;
    assert_eq!(taken(&db).await, [0; 0], "it waits for its next run");
    db.run(&nack).await;
    assert_eq!(db.one::<String>("select status::text from jobs.job").await, "failed");
    assert_eq!(taken(&db).await, [2]);
    assert_eq!(db.one::<i64>("select held from jobs.limits()").await, 1);
    db.run("select jobs.ack(job_id) from jobs.running").await;
    let again: i64 = db.one("select count(*) from jobs.retry(array(select job_id::text from jobs.job where status = 'failed'))").await;
    assert_eq!((again, taken(&db).await), (1, vec![1]), "it can be retried");
}

#[tokio::test]
async fn a_job_that_kept_its_key_is_redriven_without_it() {
    let db = kept().await;
    let nack = format!("select jobs.nack(({HEAD}), 'x', ensure_running => false)");
    db.run(&format!("{nack}; {nack}")).await;
    db.run("select jobs.redrive(array(select job_id::text from jobs.job))").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where (on_end).kept is not null").await, 0);
    assert_eq!(taken(&db).await, [2]);
}

#[tokio::test]
async fn a_job_that_kept_its_key_and_is_replaced_gives_it_back() {
    let db = Db::with_clock().await;
    let publish = |account: i32, n: i32| {
        format!(
            r#"select jobs.publish('post', '{{"kwargs": {{"account": {account}, "n": {n}}}}}', i_max_retries => 3, i_unique => '{{"key": 1, "on_conflict": "replace", "until": "ended"}}')"#
        )
    };
    db.run(r#"select jobs.set_limit('line', 'post', '{"key": ["account"], "in_order": true}')"#).await;
    db.run(&publish(1, 1)).await;
    db.run(r#"select jobs.consume(1); select jobs.nack(job_id, 'x', jobs.now() + interval '1 h') from jobs.running; select jobs.publish('post', '{"kwargs": {"account": 1, "n": 2}}')"#).await;
    assert_eq!(taken(&db).await, [0; 0]);
    db.run(&publish(3, 3)).await;
    let mut all = taken(&db).await;
    all.sort_unstable();
    assert_eq!(all, [2, 3]);
}
