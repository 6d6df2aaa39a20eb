//! The hot statements read what they need by index, whatever the statistics say.
//!
//! A queue's statistics are always of another moment, so the plans are pinned. Here they are tried
//! under the worst statistics there are, and the server's own counters say how many rows were read.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

const WORKER: &str = "00000000-0000-7000-8000-000000000000";

const REGISTER: &str = "select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{noop}', 100, 3600)";

/// Pending jobs of this and of fifty other tasks, future, running and ended ones.
const FILL: &str = "
insert into jobs.pending (id, job_id, task, created_at, ready_seq)
  select g, jobs._new_job_id(jobs._id_time(now()), g), case when g % 2 = 0 then 'noop' else 'other' || g % 50 end, now(), g
  from generate_series(1, 60000) g;
insert into jobs.pending (id, job_id, task, created_at, scheduled_at)
  select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop', now(), now() + interval '7 days' from generate_series(100001, 140000) g;
insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
  select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop', 0, 3, 0, 60, case when g % 9 = 0 then 'failed' else 'success' end::jobs.job_status, now(), now(), 1
  from generate_series(200001, 240000) g;
select setval('jobs.job_number', 300000);
select count(jobs.publish_arrays('{many}', array_fill(null::jsonb, array[5000]), null, null, null, null, null, i_pack => true))
  from generate_series(1, 10);
select count(*) from (select jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 5000, gen_random_uuid(), 5)) c;
";

/// What was true when the statistics were gathered.
#[derive(Debug, Clone, Copy)]
enum Statistics {
    Never,
    WhenEmpty,
    WhenLarge,
    /// By autovacuum during the transaction that filled the queue: pages, and no row in them.
    WhenUncommitted,
    Now,
}

async fn filled(statistics: Statistics) -> Db {
    let db = Db::with_clock().await;
    db.run(REGISTER).await;
    match statistics {
        Statistics::Never | Statistics::Now => {}
        Statistics::WhenEmpty => db.run("analyze").await,
        Statistics::WhenLarge => {
            db.run(FILL).await;
            db.run("analyze").await;
            db.run("truncate jobs.pending, jobs.batch, jobs.job").await;
        }
        Statistics::WhenUncommitted => {
            fill_during_an_analyze(&db).await;
            return db;
        }
    }
    db.run(FILL).await;
    if matches!(statistics, Statistics::Now) {
        db.run("analyze").await;
    }
    db
}

async fn fill_during_an_analyze(db: &Db) {
    let mut session = db.connect().await;
    let mut tx = session.begin().await.unwrap();
    sqlx::raw_sql(FILL).execute(&mut *tx).await.unwrap();
    db.run("vacuum analyze jobs.pending").await;
    db.run("vacuum analyze jobs.batch").await;
    tx.commit().await.unwrap();
}

/// Each hot call, what it is given, and the most rows that it may fetch by index, all tables in sum.
const CALLS: &[(&str, &str, &str, i64)] = &[
    (
        "claim",
        "",
        "select count(*) from jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 100, gen_random_uuid(), 5)",
        150,
    ),
    (
        "claim of an idle worker",
        "",
        "select count(*) from jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 100, gen_random_uuid(), 5, 1, null, '{}', '{}', '{}')",
        250,
    ),
    (
        "claim of an idle worker of a few packed jobs",
        "",
        "select count(*) from jobs.claim('00000000-0000-7000-8000-000000000000', '{many}', 5, gen_random_uuid(), 5, 1, null, '{}', '{}', '{}')",
        20,
    ),
    (
        "claim from many tasks",
        "",
        "select count(*) from jobs.claim('00000000-0000-7000-8000-000000000000', (select array_agg('other' || g) from generate_series(1, 49) g), 100, gen_random_uuid(), 5)",
        2000,
    ),
    (
        "claim of packed jobs",
        "",
        "select count(*) from jobs.claim('00000000-0000-7000-8000-000000000000', '{many}', 1000, gen_random_uuid(), 5)",
        30,
    ),
    (
        "claim of a few of many packed jobs",
        "",
        "select count(*) from jobs.claim('00000000-0000-7000-8000-000000000000', '{many}', 5, gen_random_uuid(), 5)",
        20,
    ),
    (
        "settle as successes",
        "create temp table c as select job_id::text, lease, batch_index from jobs._runs order by batch_index limit 100",
        "select count(*) from jobs.settle((select array_agg(job_id) from c), (select array_agg(lease) from c), i_batch_indexes => (select array_agg(batch_index) from c))",
        20,
    ),
    (
        "settle for a retry",
        "create temp table c as select job_id::text, lease, batch_index from jobs._runs order by batch_index limit 100",
        "select count(*) from jobs.settle((select array_agg(job_id) from c), (select array_agg(lease) from c), array_fill('retry'::text, array[100]), i_batch_indexes => (select array_agg(batch_index) from c))",
        20,
    ),
    (
        "settle without batch_indexes, and too late",
        "create temp table c as select job_id::text, gen_random_uuid() as lease from jobs._runs order by batch_index limit 100",
        "select count(*) from jobs.settle((select array_agg(job_id) from c), (select array_agg(lease) from c))",
        400,
    ),
    (
        "sweep",
        "update jobs.batch set expires_at = '2000-01-01' where part < 2",
        "select jobs.sweep(1000)",
        30,
    ),
    (
        "promote",
        "update jobs.pending set scheduled_at = jobs.now() - interval '1 s' where id between 100001 and 100100",
        "select jobs.promote(100)",
        300,
    ),
    (
        "sweep of many",
        "update jobs.batch set expires_at = '2000-01-01', margin = '-1 day'",
        "select jobs.sweep(4000)",
        800,
    ),
    (
        "sweep of a dead worker",
        "update jobs.worker set expires_at = '2000-01-01'",
        "select jobs.sweep(4000)",
        800,
    ),
    (
        "release",
        "create temp table c as select lease from jobs.batch limit 1",
        "select jobs.release('00000000-0000-7000-8000-000000000000', (select lease from c))",
        800,
    ),
    ("consume", "", "select count(*) from jobs.consume_topic('noop', 10)", 50),
    ("consume packed jobs", "", "select count(*) from jobs.consume_topic('many', 10)", 50),
    (
        "ack",
        "create temp table c as select job_id, lease from jobs._runs limit 1",
        "select jobs.ack((select job_id from c), null, (select lease from c))",
        150,
    ),
    (
        "explain a running job",
        "create temp table c as select job_id from jobs._runs limit 1",
        "select count(*) from jobs.explain((select job_id from c))",
        300,
    ),
    ("maintain", "", "select jobs.maintain()", 10),
    ("heartbeat", "", "select alive from jobs.beat('00000000-0000-7000-8000-000000000000')", 10),
    (
        "read one",
        "create temp table c as select job_id from jobs._runs limit 1",
        "select count(*) from jobs.get((select job_id from c))",
        300,
    ),
    (
        "read one published with others",
        "create temp table c as select j.job_id from jobs.pending q, unnest(q.jobs) j where size > 1 order by q.id limit 1 offset 2500",
        "select count(*) from jobs.get((select job_id from c))",
        10,
    ),
    (
        "cancel one published with others",
        "create temp table c as select j.job_id from jobs.pending q, unnest(q.jobs) j where size > 1 order by q.id limit 1 offset 2500",
        "select count(*) from jobs.cancel((select array_agg(job_id::text) from c))",
        10,
    ),
    ("a page of pending jobs", "", "select count(*) from jobs.find('pending', i_num => 50)", 200),
    ("sample keys of a queue", "", "select count(*) from jobs.sample_keys('noop', 100, 10)", 30),
    (
        "a look at the middle of a queue",
        "",
        "select count(*) from jobs.read_ready('noop', jobs._rank(0, 1), 30000, 100)",
        200,
    ),
    ("reading packed jobs", "", "select count(*) from jobs.read_ready('many', i_num => 100)", 30),
    (
        "cancel",
        "create temp table c as select job_id::text from jobs._runs limit 5",
        "select count(*) from jobs.cancel((select array_agg(job_id) from c))",
        1500,
    ),
];

#[tokio::test]
async fn hot_calls_read_by_index_whatever_the_statistics_say() {
    for statistics in [
        Statistics::Never,
        Statistics::WhenEmpty,
        Statistics::WhenLarge,
        Statistics::WhenUncommitted,
        Statistics::Now,
    ] {
        let db = filled(statistics).await;
        for mode in ["force_custom_plan", "force_generic_plan"] {
            for &(what, before, call, most) in CALLS {
                let mut session = db.connect().await;
                let read = rows_read(&mut session, mode, before, call).await;
                assert_eq!(read.0, 0, "{what} with {statistics:?}, {mode}: rows read from end to end");
                assert!(read.1 <= most, "{what} with {statistics:?}, {mode}: {} rows by index", read.1);
            }
        }
    }
}

/// Rows read by sequential scans and rows fetched by index, of the tables that grow; undone afterwards.
async fn rows_read(session: &mut PgConnection, mode: &str, before: &str, call: &str) -> (i64, i64) {
    let mut tx = session.begin().await.unwrap();
    let run = |sql: String| sqlx::raw_sql(AssertSqlSafe(sql));
    run(format!("set local plan_cache_mode = {mode}; {before}")).execute(&mut *tx).await.unwrap();
    let start = counters(&mut tx).await;
    run(call.to_owned()).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{call}: {error}"));
    let end = counters(&mut tx).await;
    tx.rollback().await.unwrap();
    (end.0 - start.0, end.1 - start.1)
}

async fn counters(session: &mut PgConnection) -> (i64, i64) {
    let row = sqlx::query(
        "select coalesce(sum(seq_tup_read), 0)::bigint, coalesce(sum(idx_tup_fetch), 0)::bigint
         from pg_stat_xact_user_tables
         where schemaname = 'jobs' and (relname in ('pending', 'batch') or relname like 'job\\_%')",
    )
    .fetch_one(session)
    .await
    .unwrap();
    (row.get(0), row.get(1))
}

/// One row for one job, and one for each task of a bulk, however many tasks there are.
#[tokio::test]
async fn publishing_looks_a_task_up_by_its_name() {
    let db = Db::new().await;
    db.run(
        "select jobs.register_tasks(jsonb_agg(jsonb_build_object('name', 't' || g, 'args_schema', '{}'::jsonb, 'result_schema', true,
           'retries', case when g % 2 = 0 then 3 else 5 end, 'timeout', 60, 'priority', 0, 'params', '[]'::jsonb))) from generate_series(1, 1000) g",
    )
    .await;
    let bulk = |one: &str, other: &str| {
        format!(
            "select jobs.publish_arrays(array_fill('{one}'::text, array[500]) || array_fill('{other}'::text, array[500]),
               array_fill('{{}}'::jsonb, array[1000]), null, null, null, null, null)"
        )
    };
    // The odd ones declare options, for which they are looked up again.
    for (call, rows) in [
        ("select jobs.publish('t8', '{}')".to_owned(), 1),
        ("select jobs.publish('t7', '{}')".to_owned(), 2),
        (bulk("t8", "t10"), 2),
        (bulk("t7", "t9"), 6),
    ] {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let mut session = db.connect().await;
            let mut tx = session.begin().await.unwrap();
            let run = format!("set local plan_cache_mode = {mode}; {call}");
            sqlx::raw_sql(AssertSqlSafe(run)).execute(&mut *tx).await.unwrap();
            let read = "select seq_tup_read, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'publish_check'";
            let read = sqlx::query(read).fetch_one(&mut *tx).await.unwrap();
            assert_eq!((read.get::<i64, _>(0), read.get::<i64, _>(1)), (0, rows), "{call}, {mode}");
        }
    }
}

/// The counters do see a scan: without this, the test above could not fail.
#[tokio::test]
async fn the_counters_see_a_scan_of_the_whole_queue() {
    let db = filled(Statistics::Never).await;
    let mut session = db.connect().await;
    let scan = "select count(*) from jobs.pending where body is not null";
    assert!(rows_read(&mut session, "auto", "", scan).await.0 > 90_000);
}

#[tokio::test]
async fn an_expired_run_is_requeued_without_the_rest_of_its_batch() {
    let db = Db::with_clock().await;
    db.run(REGISTER).await;
    db.run("select jobs.publish('noop', i_timeout => case when g = 3 then 10 else 600 end) from generate_series(1, 5) g").await;
    db.run(&format!("select jobs.claim('{WORKER}', '{{noop}}', 5, gen_random_uuid(), 0)")).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.batch").await, 1);
    db.advance(Duration::from_secs(11)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 1);
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 4);
    assert_eq!(
        db.one::<i32>("select jobs.sweep()").await,
        0,
        "the batch now expires with the next of its runs"
    );
    db.advance(Duration::from_secs(600)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 4);
    assert_eq!(db.one::<i64>("select count(*) from jobs.batch").await, 0);
}
