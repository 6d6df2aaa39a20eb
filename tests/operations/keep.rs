//! Rules keep some of history for less than all.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::Executor;

const DAY: Duration = Duration::from_hours(24);

/// Six days of history, of each task, state and day a hundred jobs.
async fn six_days(db: &Db) {
    db.run(
        "select count(jobs._make_partition((jobs.now() at time zone 'UTC')::date - g)) from generate_series(1, 5) g;
         insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select 1, md5(concat(t, s, d, g)), t, 0, 3, 0, 60, s::jobs.job_status, jobs.now(), jobs.now() - d * interval '1 day', 1
         from unnest('{mail.a,mail.b,log}'::text[]) t, unnest('{failed,success}'::text[]) s, generate_series(0, 5) d, generate_series(1, 100) g;
         select jobs.maintain_partitions()",
    )
    .await;
}

/// The days, counted back from today, on which jobs of a task and state are left.
async fn days(db: &Db, task: &str, status: &str) -> String {
    let query = format!(
        "select coalesce(string_agg(d.day || case when d.jobs = 100 then '' else '!' end, ' ' order by d.day), '') from (
           select (jobs.now() at time zone 'UTC')::date - (complete_on at time zone 'UTC')::date as day, count(*) as jobs from jobs.job
           where task = '{task}' and status = '{status}' group by 1) d"
    );
    db.one(&query).await
}

#[tokio::test]
async fn the_rule_with_the_longest_topic_decides_and_then_that_for_the_state() {
    let db = Db::with_clock().await;
    six_days(&db).await;
    db.run("select jobs.keep('*', null, 3), jobs.keep('mail.*', 'success', 1), jobs.keep('mail.*', null, 4), jobs.keep('mail.a', 'failed', 0); select jobs.maintain_partitions()").await;
    assert_eq!(days(&db, "log", "failed").await, "0 1 2 3");
    assert_eq!(days(&db, "log", "success").await, "0 1 2 3");
    assert_eq!(days(&db, "mail.b", "failed").await, "0 1 2 3 4");
    assert_eq!(days(&db, "mail.b", "success").await, "0 1");
    assert_eq!(days(&db, "mail.a", "failed").await, "0");
    assert_eq!(days(&db, "mail.a", "success").await, "0 1");
}

#[tokio::test]
async fn a_day_is_gone_through_once_when_it_is_over() {
    let db = Db::with_clock().await;
    six_days(&db).await;
    db.run("select jobs.keep('log', null, 3); select jobs.maintain_partitions()").await;
    assert_eq!(days(&db, "log", "failed").await, "0 1 2 3");
    db.advance(DAY).await;
    db.run("select jobs.maintain_partitions(); select jobs.maintain_partitions()").await;
    assert_eq!(days(&db, "log", "failed").await, "1 2 3");
    let clean = "select (jobs.now() at time zone 'UTC')::date - clean_until from jobs.keep_rules()";
    assert_eq!(db.one::<i32>(clean).await, 4);
}

#[tokio::test]
async fn a_rule_that_is_dropped_or_set_lets_others_decide() {
    let db = Db::with_clock().await;
    six_days(&db).await;
    db.run("select jobs.keep('*', null, 1), jobs.keep('log', null, 4); select jobs.maintain_partitions()")
        .await;
    assert_eq!(
        (days(&db, "log", "failed").await, days(&db, "mail.a", "failed").await),
        ("0 1 2 3 4".to_owned(), "0 1".to_owned())
    );
    assert!(db.one::<bool>("select jobs.drop_keep('log')").await);
    assert!(!db.one::<bool>("select jobs.drop_keep('log')").await);
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(days(&db, "log", "failed").await, "0 1");
}

#[tokio::test]
async fn a_clock_that_jumped_deletes_nothing() {
    let db = Db::with_clock().await;
    six_days(&db).await;
    db.run("select jobs.keep('*', null, 10)").await;
    db.advance(DAY * 12).await;
    db.run("select jobs.maintain_partitions()").await;
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 3600);
}

#[tokio::test]
async fn a_rule_for_longer_than_history_says_what_to_do() {
    let db = Db::new().await;
    assert_eq!(db.refusal("select jobs.keep('*', 'failed', 90)").await.0, "PT400");
    for arguments in ["'', null, 1", "'*', 'pending', 1", "'*', null, -1", "'*'"] {
        assert_eq!(db.refusal(&format!("select jobs.keep({arguments})")).await.0, "PT400", "{arguments}");
    }
    db.run("update jobs.config set history_days = 90; select jobs.keep('*', 'failed', 90), jobs.keep('*', null, 14)").await;
    let rules = db.all::<String>("select concat_ws(' ', topic, status, days) from jobs.keep_rules()").await;
    assert_eq!(rules, ["* failed 90", "* 14"]);
}

/// Somebody may have locked an ended job for as long as they like: a rule deletes it another time.
#[tokio::test]
async fn a_rule_waits_for_nobody_who_has_locked_a_job() {
    let db = Db::with_clock().await;
    six_days(&db).await;
    let mut session = db.connect().await;
    session.execute("begin; select from jobs.job where task = 'log' and complete_on < now() - interval '4 days' limit 1 for update").await.unwrap();
    db.run("set lock_timeout = '5s'; select jobs.keep('log', null, 3); select jobs.maintain_partitions()")
        .await;
    let left =
        "select count(*) from jobs.job where task = 'log' and complete_on < jobs.now() - interval '4 days'";
    assert_eq!(db.one::<i64>(left).await, 1, "the one that is locked");
}

/// History may drop a day while a rule is at work in it: where it was says nothing about the next one.
#[tokio::test]
async fn a_rule_begins_the_next_day_at_its_beginning_when_its_day_is_dropped() {
    let db = Db::with_clock().await;
    six_days(&db).await;
    db.run("select jobs.keep('log', null, 3)").await;
    let at = "update jobs.keep_rule set blocks = 500, blocks_of = (jobs.now() at time zone 'UTC')::date - 6";
    db.run(at).await;
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(days(&db, "log", "failed").await, "0 1 2 3");
}
