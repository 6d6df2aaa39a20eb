//! What a client keeps by not ending its transaction: what it was given, and nothing of anybody else.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::sessions::{as_role, one, role};

const WORKER: &str = "00000000-0000-7000-8000-00000000000";
const TOGETHER: &str = "select jobs.publish_arrays('{b}', array_fill('1'::jsonb, array[64]), null, null, null, '{5}', null, i_pack => true)";

/// A session in which this was called and which does not end its transaction.
async fn holding(db: &Db, call: &str) -> PgConnection {
    let mut session = db.connect().await;
    session
        .execute(AssertSqlSafe(format!("begin; {call}")))
        .await
        .unwrap_or_else(|error| panic!("{call}: {error}"));
    session
}

/// So many workers, each with so many jobs of this task that have begun.
async fn workers(db: &Db, workers: usize, task: &str, jobs: usize) {
    db.run(&format!("select jobs.publish('{task}') from generate_series(1, {workers} * {jobs})")).await;
    for nth in 0..workers {
        db.run(&format!(
            "select jobs.register_worker('{WORKER}{nth}', 'host', 1, '1', '{{*}}', '{{{task}}}', 9, 10);
             select count(*) from jobs.claim('{WORKER}{nth}', '{{{task}}}', {jobs}, gen_random_uuid(), 5)"
        ))
        .await;
    }
}

#[tokio::test]
async fn a_sweep_locks_no_more_dead_workers_than_it_brings_jobs_back_of() {
    let db = Db::with_clock().await;
    workers(&db, 3, "a", 4).await;
    db.advance(Duration::from_secs(11)).await;
    let _held = holding(&db, "select jobs.sweep(1)").await;
    assert_eq!(db.one::<i32>("select jobs.sweep(100)").await, 8, "of the other two");
}

#[tokio::test]
async fn a_sweep_has_a_greatest_and_a_least_number() {
    let db = Db::new().await;
    db.run("select jobs.sweep(-1), jobs.sweep(null), jobs.promote(-1), jobs.promote(null), jobs.maintain(-1), jobs.maintain(null)").await;
    db.run("insert into jobs.pending (id, job_id, task, created_at, scheduled_at) select g, g, 'a', now(), now() from generate_series(1, 10001) g")
        .await;
    assert_eq!(db.one::<i32>("select jobs.promote(null)").await, 10_000);
}

#[tokio::test]
async fn who_is_narrowed_sweeps_and_puts_in_line_its_own_tasks_alone() {
    let db = Db::with_clock().await;
    role(&db, "held_narrow", "jobs_worker").await;
    db.run("select jobs.grant_topic('held_narrow', 'mail.*')").await;
    workers(&db, 1, "secret.t", 3).await;
    db.run("select jobs.publish(t, null, jobs.now() + interval '5 s', 1) from unnest(array['secret.due', 'mail.due', 'mail.late']) t").await;
    for task in ["mail.plain", "secret.plain"] {
        db.run(&format!("select jobs.publish('{task}', null, null, 1); select jobs.consume('{task}', 1)"))
            .await;
    }
    db.advance(Duration::from_secs(60)).await;
    let mut narrow = as_role(&db, "held_narrow").await;
    assert_eq!(one::<i32>(&mut narrow, "select jobs.promote(1000)").await, 2);
    assert_eq!(one::<i32>(&mut narrow, "select jobs.sweep(1000)").await, 1, "its own");
    narrow.execute("begin; select jobs.maintain(1000)").await.unwrap();
    assert_eq!(db.one::<i32>("select jobs.promote(1000)").await, 1);
    assert_eq!(db.one::<i32>("select jobs.sweep(1000)").await, 4);
}

#[tokio::test]
async fn a_plain_client_locks_no_due_or_expired_job_that_it_does_not_get() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish(t, null, jobs.now() + interval '1 s') from unnest(array['a', 'b']) t").await;
    db.run("select jobs.publish('c', null, null, 1); select jobs.consume('c', 1)").await;
    workers(&db, 1, "d", 64).await;
    db.run(&format!(
        "select jobs.publish('a'); select jobs.claim('{WORKER}0', '{{a}}', 1, gen_random_uuid());
         update jobs.batch set expires_at = jobs.now() where worker = '{WORKER}0'"
    ))
    .await;
    db.advance(Duration::from_secs(5)).await;
    let _held = holding(&db, "select jobs.consume('a', 9)").await;
    assert_eq!(db.one::<i32>("select jobs.promote(9)").await, 1, "the other task's");
    let free = "select count(*) from (select 1 from jobs.batch for update skip locked) b";
    assert_eq!(db.one::<i64>(free).await, 3, "expired ones of another task, and those of a worker");
}

#[tokio::test]
async fn a_plain_client_that_takes_a_row_apart_locks_no_other_task() {
    let db = Db::new().await;
    db.run("select jobs.publish('a')").await;
    db.run(TOGETHER).await;
    let _held = holding(&db, "select jobs.consume(1)").await;
    assert_eq!(db.all::<String>("select task from jobs.consume(9)").await, ["a"]);
}

/// A publisher that gives a job the id of one whose transaction it has not ended, or whose end its snapshot does not see.
#[tokio::test]
async fn two_jobs_of_one_id_hold_up_nobody() {
    let db = Db::with_clock().await;
    db.run("create table ids (job_id text)").await;
    let mut publisher = holding(&db, &format!("insert into ids select unnest(({TOGETHER})::text[])")).await;
    let second: String = one(&mut publisher, "select job_id from ids offset 1").await;
    let twin = |id: &str| {
        format!(
            "select jobs.publish_arrays('{{b}}', '{{1}}', '{{2027-06-01}}', null, null, null, null, array['{id}'])"
        )
    };
    db.run(&twin(&second)).await;
    publisher.execute("commit").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume('b', 9)").await, 9);
    db.run("select jobs.cancel(array(select job_id::text from jobs.job_queue))").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);

    let mut early = holding(&db, "set transaction isolation level repeatable read; select 1").await;
    let id: String = db.one("select jobs._new_job_id(jobs._id_time(jobs.now()), 1)").await;
    db.run(&format!("select jobs.publish('b', null, null, 1, i_job_id => '{id}'); select jobs.consume(1); select jobs.publish('other', null, null, 1)")).await;
    early.execute(AssertSqlSafe(twin(&id))).await.unwrap();
    db.run("select jobs.consume('other', 1)").await;
    db.advance(Duration::from_secs(2)).await;
    db.run("set statement_timeout = '10s'").await;
    assert_eq!(db.one::<i32>("select jobs.sweep(9)").await, 2, "while the twin is not committed");
    early.execute("commit").await.unwrap();
    db.run("select jobs.cancel(array(select job_id::text from jobs.job_queue))").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
}

/// A late ack of it would wait for as long.
#[tokio::test]
async fn a_consume_that_finds_enough_due_keeps_no_lapsed_job() {
    let db = Db::with_clock().await;
    db.run(
        "select jobs.publish('a.lapsed', i_timeout => 1); select jobs.consume('a.lapsed', 1);
         select jobs.publish('a.due', null, jobs.now() + interval '1 s')",
    )
    .await;
    db.advance(Duration::from_secs(2)).await;
    let mut session = holding(&db, "create temp table got as select task from jobs.consume('a.*', 1)").await;
    assert_eq!(one::<String>(&mut session, "select task::text from got").await, "a.due");
    assert_eq!(db.one::<i32>("select jobs.sweep(100)").await, 1, "what it did not take is anybody's");
}
