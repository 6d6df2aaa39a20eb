//! What is wrong is named with its remedy, and the remedy, carried out, makes it go away.

use std::time::Duration;

use pgjobs_tests::{Db, until};
use sqlx::{Connection, Executor, Row};

use crate::sessions::{as_role, one, role};

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3600;
pub(crate) const DAY: u64 = 24 * HOUR;

/// The message and the remedy of a problem of this kind; none when there is none.
pub(crate) async fn look(db: &Db, code: &str) -> Option<(String, String)> {
    let look = "select p.message, p.remedy from jobs.problems() p where p.code = $1";
    let row = sqlx::query(look).bind(code).fetch_optional(&db.pool).await.unwrap();
    row.map(|row| (row.get(0), row.get(1)))
}

/// The message of the problem, and its commands: what stands between backticks.
pub(crate) async fn seen(db: &Db, code: &str) -> (String, Vec<String>) {
    let Some((message, remedy)) = look(db, code).await else {
        let all: Vec<String> = db.all("select p.code || ': ' || p.message from jobs.problems() p").await;
        panic!("{code} was not found, but {all:#?}")
    };
    let commands = remedy.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    (message, commands)
}

/// The problem is there and says this; its nth command, carried out, makes it go away.
pub(crate) async fn mended_by(db: &Db, code: &str, says: &str, nth: usize) {
    let (message, commands) = seen(db, code).await;
    assert!(message.contains(says), "{code}: {message}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(commands[nth].clone()))
        .execute(&db.pool)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", commands[nth]));
    gone(db, code).await;
}

/// A session that was told to end takes a moment.
pub(crate) async fn gone(db: &Db, code: &str) {
    until(&format!("{code} is mended"), async || look(db, code).await.is_none()).await;
}

pub(crate) async fn later(db: &Db, seconds: u64) {
    db.advance(Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn a_new_installation_has_no_problem_and_readers_see_that() {
    let db = Db::new().await;
    role(&db, "doctor_reader", "jobs_reader").await;
    let mut reader = as_role(&db, "doctor_reader").await;
    reader.execute("set default_transaction_read_only = on").await.unwrap();
    let all = "select coalesce(string_agg(p.code || p.message, ' '), 'none') from jobs.problems() p";
    assert_eq!(one::<String>(&mut reader, all).await, "none");
}

#[tokio::test]
async fn jobs_that_no_worker_takes_are_missed_until_one_does() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "mail.send", "retries": 3, "timeout": 60, "priority": 0,
             "args_schema": {}, "result_schema": true}]')"#,
    )
    .await;
    db.run("select jobs.publish('mail.send')").await;
    let (message, commands) = seen(&db, "no_worker").await;
    assert!(message.contains("no worker is alive") && message.contains("'mail.send'"), "{message}");
    assert_eq!(commands, ["pgjobs worker"]);
    let other = db.worker(&["report"]).await;
    assert_eq!(look(&db, "no_worker").await, None);
    let (_, commands) = seen(&db, "task_without_worker").await;
    assert_eq!(commands, ["pgjobs worker --topic 'mail.send'"]);
    let worker = db.worker(&["mail.send"]).await;
    gone(&db, "task_without_worker").await;
    drop((other, worker));
}

#[tokio::test]
async fn a_misspelt_task_is_named_with_the_one_that_was_meant() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.register_tasks('[{"name": "mail.send", "retries": 3, "timeout": 60, "priority": 0,
             "args_schema": {}, "result_schema": true}]')"#,
    )
    .await;
    db.worker(&["mail.send"]).await;
    db.run("select jobs.publish('mail.sent'); select jobs.publish('quite.another')").await;
    let said: Vec<String> = db
        .all("select p.message from jobs.problems() p where p.code = 'unknown_task' order by p.message")
        .await;
    assert!(said.len() == 2 && said[0].ends_with("; there is 'mail.send'"), "{said:?}");
    assert!(said[1].ends_with("ever declared it"), "{said:?}");
    db.run("select jobs.cancel(array(select job_id::text from jobs.job_queue))").await;
    gone(&db, "unknown_task").await;
}

#[tokio::test]
async fn plain_clients_count_as_nobody_only_after_five_minutes() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a'); select jobs.consume(1); select jobs.publish('a')").await;
    assert_eq!(look(&db, "no_worker").await, None);
    later(&db, 6 * MINUTE).await;
    seen(&db, "no_worker").await;
}

#[tokio::test]
async fn what_a_dead_worker_held_is_missed_until_it_is_swept() {
    let db = Db::with_clock().await;
    let worker = db.worker_with_lease(&["a"], 30).await;
    db.run("select jobs.publish('a')").await;
    assert_eq!(worker.claim(1).await.len(), 1);
    later(&db, 80).await;
    assert_eq!(look(&db, "not_swept").await, None, "a minute is allowed");
    later(&db, 11).await;
    mended_by(&db, "not_swept", "a lease of jobs ended 61 s ago", 1).await;
    assert_eq!(db.consume(1).await.len(), 1, "others run it");
}

#[tokio::test]
async fn a_job_that_came_due_is_missed_until_it_is_in_the_queue() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', null, jobs.now() + interval '1 hour')").await;
    later(&db, HOUR + 59).await;
    assert_eq!(look(&db, "not_promoted").await, None);
    later(&db, 2).await;
    mended_by(&db, "not_promoted", "'a' came due 61 s ago", 1).await;
}

#[tokio::test]
async fn a_transaction_with_an_old_snapshot_is_named_and_ended() {
    let db = Db::with_clock().await;
    let mut session = db.connect().await;
    session.execute("begin isolation level repeatable read; select 1").await.unwrap();
    let pid: i32 = one(&mut session, "select pg_backend_pid()").await;
    later(&db, 9 * MINUTE).await;
    assert_eq!(look(&db, "old_snapshot").await, None);
    later(&db, 2 * MINUTE).await;
    mended_by(&db, "old_snapshot", &format!("process {pid} of the role 'postgres'"), 0).await;
    session.ping().await.expect_err("it was ended");
}

#[tokio::test]
async fn a_transaction_that_was_prepared_and_forgotten_is_named_and_ended() {
    let db = Db::with_clock().await;
    let name: String = db.one("select current_database() || '''s'").await;
    let mut session = db.connect().await;
    session.execute("begin; set local jobs.notify = off; select jobs.publish('a')").await.unwrap();
    let prepare = format!("prepare transaction '{}'", name.replace('\'', "''"));
    session.execute(sqlx::AssertSqlSafe(prepare)).await.unwrap();
    later(&db, 11 * MINUTE).await;
    mended_by(&db, "prepared_transaction", "is prepared for 11 min", 1).await;
}

#[tokio::test]
async fn a_session_that_idles_with_locks_is_named_and_ended() {
    let db = Db::with_clock().await;
    let mut session = db.connect().await;
    session.execute("begin; select count(*) from jobs.pending").await.unwrap();
    later(&db, 2 * MINUTE).await;
    mended_by(&db, "idle_in_transaction", "with locks on jobs.pending", 0).await;
}

#[tokio::test]
async fn a_missing_partition_and_what_it_would_have_taken_are_named() {
    let db = Db::with_clock().await;
    let today = "jobs.job_' || to_char(jobs.now() at time zone 'utc', 'YYYYMMDD')";
    db.run(&format!("do $$ begin execute 'drop table {today}; end $$")).await;
    db.run("select jobs.publish('a'); select jobs.ack(c.job_id) from jobs.consume(1) c").await;
    let (message, _) = seen(&db, "rows_in_default").await;
    assert!(message.starts_with("1 ended jobs"), "{message}");
    mended_by(&db, "partition_missing", "history has no partition for", 0).await;
    gone(&db, "rows_in_default").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1, "nothing is lost");
}

#[tokio::test]
async fn days_without_a_partition_for_what_runs_say_are_named() {
    let db = Db::with_clock().await;
    gone(&db, "run_partition_missing").await;
    db.run("select nextval('jobs.progress_made')").await;
    mended_by(&db, "run_partition_missing", "jobs.log has no partition for", 0).await;
}

#[tokio::test]
async fn days_of_history_that_stay_too_long_are_named_and_dropped() {
    let db = Db::with_clock().await;
    later(&db, 20 * DAY).await;
    let (message, _) = seen(&db, "history_not_maintained").await;
    assert!(message.ends_with("for 20 days"), "{message}");
    mended_by(&db, "history_not_dropped", "3 days of history", 0).await;
    gone(&db, "history_not_maintained").await;
    later(&db, HOUR + 1).await;
    mended_by(&db, "clock_jumped", "two days had passed", 1).await;
}

#[tokio::test]
async fn what_keeps_history_from_its_maintenance_is_named_and_ended() {
    let db = Db::with_clock().await;
    let mut session = db.connect().await;
    session.execute("begin; select count(*) from jobs.job").await.unwrap();
    let pid: i32 = one(&mut session, "select pg_backend_pid()").await;
    later(&db, DAY).await;
    for _ in 0..3 {
        db.run("select jobs.maintain_partitions()").await;
        later(&db, 2 * MINUTE).await;
    }
    let (message, commands) = seen(&db, "maintenance_held").await;
    assert!(message.contains(&format!("process {pid} is in the way")), "{message}");
    db.run(&commands[0]).await;
    let ended = format!("select not exists (select from pg_stat_activity where pid = {pid})");
    until("the session has ended", async || db.one::<bool>(&ended).await).await;
    db.run(&commands[1]).await;
    gone(&db, "maintenance_held").await;
}
