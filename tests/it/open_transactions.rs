//! What a client keeps by not ending its transaction: what it was given, and nothing of anybody else.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::sessions::{as_role, one, role};

const PACKED: &str = "select jobs.publish_arrays('{b}', array_fill('1'::jsonb, array[64]), null, null, null, '{5}', null, i_pack => true)";

/// A session in which this was called and which does not end its transaction.
async fn open(db: &Db, call: &str) -> PgConnection {
    let mut session = db.connect().await;
    session
        .execute(AssertSqlSafe(format!("begin; {call}")))
        .await
        .unwrap_or_else(|error| panic!("{call}: {error}"));
    session
}

/// So many workers, each with so many jobs of this task that have begun.
async fn workers(db: &Db, workers: usize, task: &str, jobs: i32) {
    for _ in 0..workers {
        db.publish_many(task, 1..=i64::from(jobs)).await;
        assert_eq!(db.worker_with_lease(&[task], 10).await.claim(jobs).await.started(), jobs as u32);
    }
}

#[tokio::test]
async fn a_sweep_locks_only_the_dead_workers_whose_jobs_it_requeues() {
    let db = Db::with_clock().await;
    workers(&db, 3, "a", 4).await;
    db.advance(Duration::from_secs(11)).await;
    let _open = open(&db, "select jobs.sweep(1)").await;
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
async fn a_restricted_role_sweeps_and_promotes_only_its_own_tasks() {
    let db = Db::with_clock().await;
    role(&db, "open_restricted", "jobs_worker").await;
    db.run("select jobs.grant_topic('open_restricted', 'mail.*')").await;
    workers(&db, 1, "secret.t", 3).await;
    db.run("select jobs.publish(t, i_scheduled_at => jobs.now() + interval '5 s', i_timeout => 1) from unnest(array['secret.due', 'mail.due', 'mail.late']) t").await;
    for task in ["mail.plain", "secret.plain"] {
        db.run(&format!("select jobs.publish('{task}', i_timeout => 1); select jobs.consume('{task}', 1)"))
            .await;
    }
    db.advance(Duration::from_secs(60)).await;
    let mut restricted = as_role(&db, "open_restricted").await;
    assert_eq!(one::<i32>(&mut restricted, "select jobs.promote(1000)").await, 2);
    assert_eq!(one::<i32>(&mut restricted, "select jobs.sweep(1000)").await, 1, "its own");
    restricted.execute("begin; select jobs.maintain(1000)").await.unwrap();
    assert_eq!(db.one::<i32>("select jobs.promote(1000)").await, 1);
    assert_eq!(db.one::<i32>("select jobs.sweep(1000)").await, 4);
}

#[tokio::test]
async fn a_plain_client_locks_no_due_or_expired_job_that_it_does_not_get() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish(t, null, jobs.now() + interval '1 s') from unnest(array['a', 'b']) t").await;
    db.run("select jobs.publish('c', i_timeout => 1); select jobs.consume('c', 1)").await;
    workers(&db, 1, "d", 64).await;
    workers(&db, 1, "a", 1).await;
    db.run("update jobs.batch set expires_at = jobs.now() where worker is not null").await;
    db.advance(Duration::from_secs(5)).await;
    let _open = open(&db, "select jobs.consume('a', 9)").await;
    assert_eq!(db.one::<i32>("select jobs.promote(9)").await, 1, "the other task's");
    let free = "select count(*) from (select 1 from jobs.batch for update skip locked) b";
    assert_eq!(db.one::<i64>(free).await, 3, "expired ones of another task, and those of a worker");
}

#[tokio::test]
async fn a_plain_client_that_unpacks_a_row_locks_no_other_task() {
    let db = Db::new().await;
    db.run("select jobs.publish('a')").await;
    db.run(PACKED).await;
    let _open = open(&db, "select jobs.consume(1)").await;
    assert_eq!(db.all::<String>("select task from jobs.consume(9)").await, ["a"]);
}

/// Another job of task b with this id, in the future.
fn twin(id: &str) -> String {
    format!(
        "select jobs.publish_arrays('{{b}}', '{{1}}', '{{2027-06-01}}', null, null, null, null, array['{id}'])"
    )
}

async fn cancel_all(db: &Db) {
    db.run("select jobs.cancel(array(select job_id::text from jobs.job_queue))").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
}

/// A publisher gives a job the id of one whose transaction has not ended.
#[tokio::test]
async fn two_jobs_of_one_id_published_at_once_block_nobody() {
    let db = Db::with_clock().await;
    db.run("create table ids (job_id text)").await;
    let mut publisher = open(&db, &format!("insert into ids select unnest(({PACKED})::text[])")).await;
    let second: String = one(&mut publisher, "select job_id from ids offset 1").await;
    db.run(&twin(&second)).await;
    publisher.execute("commit").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume('b', 9)").await, 9);
    cancel_all(&db).await;
}

/// A publisher gives a job the id of one whose end its snapshot does not see.
#[tokio::test]
async fn a_second_job_of_an_id_behind_an_old_snapshot_blocks_nobody() {
    let db = Db::with_clock().await;
    let mut early = open(&db, "set transaction isolation level repeatable read; select 1").await;
    let id: String = db.one("select jobs._new_job_id(jobs._id_time(jobs.now()), 1)").await;
    db.run(&format!("select jobs.publish('b', i_timeout => 1, i_job_id => '{id}'); select jobs.consume(1)"))
        .await;
    db.publish("other", 1).timeout(1.0).await;
    early.execute(AssertSqlSafe(twin(&id))).await.unwrap();
    db.run("select jobs.consume('other', 1)").await;
    db.advance(Duration::from_secs(2)).await;
    let mut limited = db.connect().await;
    limited.execute("set statement_timeout = '10s'").await.unwrap();
    assert_eq!(one::<i32>(&mut limited, "select jobs.sweep(9)").await, 2, "while the twin is not committed");
    early.execute("commit").await.unwrap();
    cancel_all(&db).await;
}

/// A late ack of it would wait for as long.
#[tokio::test]
async fn a_consume_that_finds_enough_due_locks_no_expired_job() {
    let db = Db::with_clock().await;
    db.run(
        "select jobs.publish('a.expired', i_timeout => 1); select jobs.consume('a.expired', 1);
         select jobs.publish('a.due', null, jobs.now() + interval '1 s')",
    )
    .await;
    db.advance(Duration::from_secs(2)).await;
    let mut session = open(&db, "create temp table got as select task from jobs.consume('a.*', 1)").await;
    assert_eq!(one::<String>(&mut session, "select task::text from got").await, "a.due");
    assert_eq!(db.one::<i32>("select jobs.sweep(100)").await, 1, "what it did not take is anybody's");
}
