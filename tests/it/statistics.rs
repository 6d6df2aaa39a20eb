//! Statistics count what ended, once; errors are grouped; the server says how it is.

use std::time::Duration;

use pgjobs_tests::{Db, until};
use sqlx::{Connection, Executor};

const DAY: u64 = 86_400;

/// Jobs that end: successes and failures of two tasks.
const ENDINGS: &str = "
    select jobs.publish(case when g % 2 = 0 then 'mail.send' else 'bill' end, i_max_retries => 1) from generate_series(1, 20) g;
    select case when c.id % 3 = 0 then jobs.nack(c.job_id, 'x')::text else jobs.ack(c.job_id)::text end from jobs.consume(20) c";

/// What history has, and what the statistics have, as `task success failed cancelled`.
const HISTORY: &str = "select concat_ws(' ', task, count(*) filter (where status = 'success'), count(*) filter (where status = 'failed'),
    count(*) filter (where status = 'cancelled')) from jobs.job group by task order by task collate \"C\"";
const COUNTED: &str = "select concat_ws(' ', s.task, s.success, s.failed, s.cancelled)
    from jobs.task_statistics(null, jobs.now() - interval '25 days', jobs.now() + interval '1 minute') s order by s.task collate \"C\"";

/// The same of all tasks together.
const ALL_HISTORY: &str = "select concat_ws(' ', count(*) filter (where status = 'success'), count(*) filter (where status = 'failed'), count(*) filter (where status = 'cancelled')) from jobs.job";
const ALL_COUNTED: &str = "select concat_ws(' ', sum(s.success), sum(s.failed), sum(s.cancelled)) from jobs.statistics(null, jobs.now() - interval '25 days', jobs.now() + interval '1 minute') s";

/// A pass over what is new: workers make one every ten seconds.
async fn count(db: &Db) {
    db.advance(Duration::from_secs(11)).await;
    db.run("select jobs.maintain()").await;
}

/// Each job that ended is counted once. Transactions of other databases may hold a pass back, so it may take
/// several; one more afterwards finds nothing to count.
async fn assert_counted(db: &Db, when: &str) {
    let history: Vec<String> = db.all(HISTORY).await;
    until(when, async || {
        count(db).await;
        db.all::<String>(COUNTED).await == history
    })
    .await;
    count(db).await;
    assert_eq!(db.all::<String>(COUNTED).await, history, "{when}, a pass later");
    assert_eq!(
        db.one::<String>(ALL_COUNTED).await,
        db.one::<String>(ALL_HISTORY).await,
        "{when}: all tasks together"
    );
}

#[tokio::test]
async fn each_job_that_ended_is_counted_once() {
    let db = Db::with_clock().await;
    db.run(ENDINGS).await;
    count(&db).await;
    assert!(db.all::<String>(COUNTED).await.is_empty(), "nobody asked for statistics");
    assert!(db.one::<bool>("select jobs.keep_statistics(true)").await);
    assert!(!db.one::<bool>("select jobs.keep_statistics(true)").await, "they are kept already");
    assert_counted(&db, "what there was").await;
    db.run(ENDINGS).await;
    db.run("select jobs.publish('bill'); select jobs.cancel(array(select job_id::text from jobs.find('pending')))").await;
    assert_counted(&db, "what is new").await;
    db.run("select jobs.keep_statistics(false)").await;
    db.run(ENDINGS).await;
    for _ in 0..3 {
        count(&db).await;
    }
    assert_ne!(db.all::<String>(COUNTED).await, db.all::<String>(HISTORY).await, "they are off");
}

#[tokio::test]
async fn a_job_that_is_committed_late_is_counted_once() {
    let db = Db::with_clock().await;
    db.run("select jobs.keep_statistics(true)").await;
    db.run("select jobs.publish('late') from generate_series(1, 3)").await;
    let mut session = db.connect().await;
    let mut open = session.begin().await.unwrap();
    open.execute("select jobs.ack(c.job_id) from jobs.consume(1) c").await.unwrap();
    let mut inner = open.begin().await.unwrap();
    inner.execute("select jobs.ack(c.job_id) from jobs.consume(1) c").await.unwrap();
    inner.commit().await.unwrap();
    db.run(ENDINGS).await;
    count(&db).await;
    open.commit().await.unwrap();
    assert_counted(&db, "after its commit").await;
}

/// An open transaction holds back the others for one pass only.
#[tokio::test]
async fn an_open_transaction_does_not_stop_the_statistics() {
    let db = Db::with_clock().await;
    db.run("select jobs.keep_statistics(true)").await;
    let mut session = db.connect().await;
    let mut open = session.begin().await.unwrap();
    open.execute("select jobs.publish('waits')").await.unwrap();
    db.run(ENDINGS).await;
    assert_counted(&db, "while it is open").await;
    open.rollback().await.unwrap();
    assert_counted(&db, "after its end").await;
}

#[tokio::test]
async fn history_is_counted_in_bounded_steps() {
    let db = Db::with_clock().await;
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, run_at, complete_on, attempt)
         select g, 'x' || g, 'bulk', 0, 3, 0, 60, 'success', jobs.now(), jobs.now(), jobs.now(), 1 from generate_series(1, 20000) g",
    )
    .await;
    db.run("select jobs.keep_statistics(true); select jobs._roll_up(50)").await;
    let mut calls = 1;
    while db.one::<bool>("select exists (select from jobs.rollup_day where counting is not null)").await {
        db.run("select jobs._roll_up(50)").await;
        calls += 1;
        assert!(calls < 100, "it makes no progress");
    }
    assert!(calls >= 3, "{calls} calls read all: they are not bounded");
    assert_counted(&db, "at the end").await;
}

#[tokio::test]
async fn minutes_are_folded_to_hours_and_gone_after_a_month() {
    let db = Db::with_clock().await;
    let at = |time: &str| {
        format!("update jobs.test_clock set at = date_trunc('day', at, 'UTC') + interval '{time}'")
    };
    db.run(&at("8 h")).await;
    db.run("select jobs.maintain_partitions(); select jobs.keep_statistics(true)").await;
    for time in ["8 h 1 min", "8 h 5 min", "8 h 12 min", "8 h 17 min"] {
        db.run(&at(time)).await;
        db.run(ENDINGS).await;
    }
    assert_counted(&db, "by minutes").await;
    let rows = "select string_agg(distinct r.seconds::text, ' ') || ': ' || count(*) from jobs.rollup r where r.task = ''";
    assert_eq!(db.one::<String>(rows).await, "60: 4");
    db.advance(Duration::from_secs(4 * 3600)).await;
    assert_counted(&db, "by ten minutes").await;
    assert_eq!(db.one::<String>(rows).await, "600: 2");
    db.advance(Duration::from_secs(2 * DAY)).await;
    // A call folds one day, and the days since then come first.
    for _ in 0..4 {
        count(&db).await;
    }
    assert_counted(&db, "by hours").await;
    assert_eq!(db.one::<String>(rows).await, "3600: 1");
    db.run("select jobs.maintain_partitions()").await;
    db.advance(Duration::from_secs(32 * DAY)).await;
    db.run("select jobs.maintain_partitions()").await;
    count(&db).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.rollup").await, 0);
}

#[tokio::test]
async fn percentiles_are_off_by_a_fifth_at_most() {
    let db = Db::with_clock().await;
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, run_at, complete_on, attempt)
         select g, 'x' || g, 'many', 0, 3, 0, 60, 'success', at - interval '20 s', at - make_interval(secs => (g % 997 + 1) / 100.0), at, 1
         from generate_series(1, 5000) g, (select jobs.now() as at) t",
    )
    .await;
    db.run("select jobs.keep_statistics(true)").await;
    assert_counted(&db, "all of them").await;
    let off: f64 = db
        .one(
            "select max(abs(f.found / t.exact - 1)) from jobs.task_statistics() s,
               lateral (select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from complete_on - run_at)) as run,
                          percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from run_at - created_at)) as wait from jobs.job) h,
               lateral (values (1, s.run_p50, h.run[1]), (2, s.run_p95, h.run[2]), (3, s.run_p99, h.run[3]), (4, s.wait_p50, h.wait[1]), (5, s.wait_p95, h.wait[2])) f(n, found, exact),
               lateral (select f.exact) t(exact)",
        )
        .await;
    assert!(off < 0.19, "{off}");
    assert!(off > 0.0, "they are estimates: the test would not notice an empty comparison");
}

#[tokio::test]
async fn errors_that_differ_in_numbers_are_one_group_that_an_operation_takes() {
    let db = Db::new().await;
    for error in [
        "card 17 declined for \"Ann\"",
        "card 9923 declined for \"O'Brien\"\n  at line 3",
        "no such file",
        "Traceback (most recent call last):\n  File \"a.py\"\nValueError: bad id 6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        "Traceback (most recent call last):\n  File \"b.py\"\nValueError: bad id 00000000-8b86-d011-b42d-00cf4fc964ff",
        "100% of C:\\temp\\7 used",
    ] {
        db.run("select jobs.publish('bill', i_max_retries => 1)").await;
        sqlx::query("select jobs.nack(c.job_id, $1) from jobs.consume(1) c")
            .bind(error)
            .execute(&db.pool)
            .await
            .unwrap();
    }
    let groups = "select concat_ws(' | ', e.jobs, e.error, e.exact, (select p.jobs from jobs.preview_operation('redrive', e.task, i_error => e.error) p),
                    e.example in (select job_id from jobs.job), e.first_at <= e.last_at) from jobs.errors() e order by e.jobs desc, e.error";
    assert_eq!(
        db.all::<String>(groups).await,
        [
            "2 | ValueError: bad id * | t | 2 | t | t",
            "2 | card * declined for * | t | 2 | t | t",
            "1 | *% of C:\\temp\\* used | t | 1 | t | t",
            "1 | no such file | t | 1 | t | t",
        ]
    );
    assert!(db.all::<String>("select e.task from jobs.errors('mail.*') e").await.is_empty(), "another topic");
    assert!(
        db.all::<String>("select e.task from jobs.errors(null, now() + interval '1 s') e").await.is_empty()
    );
    assert_eq!(db.all::<String>("select e.task from jobs.errors(i_limit => 1) e").await.len(), 1);
}

#[tokio::test]
async fn the_server_names_who_keeps_an_old_snapshot_and_not_what_it_runs() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    session.execute("set application_name = 'nightly report'").await.unwrap();
    session
        .execute("begin isolation level repeatable read; select 'se' || 'cret' from jobs.config")
        .await
        .unwrap();
    let health: String = db.one("select jobs.server_health()::text").await;
    assert!(health.contains("nightly report"), "{health}");
    assert!(!health.contains("jobs.config"), "{health}");
    let tables: Vec<String> =
        db.all("select t->>'table' from jsonb_array_elements(jobs.server_health()->'tables') t").await;
    assert!(tables.contains(&"pending".to_owned()) && tables.contains(&"job".to_owned()), "{tables:?}");
}
