//! Two sessions meet: a fixed list, each in chosen steps. Who must wait is seen waiting before the other goes
//! on; who must not wait would run into the time limit of its statements.
//!
//! Elsewhere: two sweeps on one plain lease, and opposite orders of settling freely run (faults.rs), two
//! claims at one row of several jobs (packed.rs), twenty migrators (migrate.rs).

use std::time::Duration;

use pgjobs_tests::{Db, until};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor, Row};
use tokio::task::JoinHandle;

const WORKER: &str = "00000000-0000-7000-8000-000000000000";
const LEASE: &str = "00000000-0000-4000-8000-000000000001";

/// A database whose clock stands still, with a worker.
async fn with_worker() -> Db {
    let db = Db::with_clock().await;
    db.run(&format!("select jobs.register_worker('{WORKER}', 'host', 1, '1', '{{*}}', '{{a,b}}', 9, 10)"))
        .await;
    db
}

/// Two sessions that wait for nobody for long.
async fn two(db: &Db) -> (PgConnection, PgConnection) {
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    for session in [&mut one, &mut two] {
        session.execute("set statement_timeout = '20s'").await.unwrap();
    }
    (one, two)
}

async fn say<T>(session: &mut PgConnection, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    let answer = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(session).await;
    answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The SQLSTATE of a refusal.
async fn refused(session: &mut PgConnection, sql: &str) -> String {
    let error = session.execute(AssertSqlSafe(sql.to_owned())).await.expect_err(sql);
    error.as_database_error().and_then(|error| error.code()).expect("a code").into_owned()
}

/// Sends a statement and returns once it waits for another session.
async fn waits(
    db: &Db,
    mut session: PgConnection,
    sql: String,
) -> JoinHandle<Result<Vec<PgRow>, sqlx::Error>> {
    let pid: i32 = say(&mut session, "select pg_backend_pid()").await;
    let said = sql.clone();
    let waiting = tokio::spawn(async move { sqlx::query(AssertSqlSafe(said)).fetch_all(&mut session).await });
    until(&format!("waits for another: {sql}"), || async {
        db.one::<bool>(&format!("select cardinality(pg_blocking_pids({pid})) > 0")).await
    })
    .await;
    waiting
}

async fn standing(db: &Db) -> Vec<String> {
    db.all("select task || ' ' || status || ' ' || retries || ' ' || attempt from jobs.\"all\" order by id")
        .await
}

/// Publishes 64 jobs in one row.
const TOGETHER: &str = "select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[64]), null, null, null, null, null, i_pack => true);";
const FIRST: &str = "(select min(job_id)::text from jobs.job_queue)";

fn claim(num: i32) -> String {
    format!("select count(*) from jobs.claim('{WORKER}', '{{a,b}}', {num}, '{LEASE}', 5) c, unnest(c.jobs)")
}

/// A table `c` of two jobs that a plain client runs, and whose time is over.
async fn lapsed() -> Db {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', null, null, 1) from generate_series(1, 2); create table c as select * from jobs.consume(2)").await;
    db.advance(Duration::from_secs(60)).await;
    db
}

#[tokio::test]
async fn two_sweeps_bring_the_jobs_of_a_dead_worker_back_once() {
    let db = with_worker().await;
    db.run(&format!("select jobs.publish('a') from generate_series(1, 3); {}", claim(3))).await;
    db.advance(Duration::from_secs(11)).await;
    let (mut one, mut two) = two(&db).await;
    one.execute("begin").await.unwrap();
    assert_eq!(say::<i32>(&mut one, "select jobs.sweep()").await, 3);
    assert_eq!(say::<i32>(&mut two, "select jobs.sweep()").await, 0, "passes over what the first holds");
    one.execute("commit").await.unwrap();
    assert_eq!(say::<i32>(&mut two, "select jobs.sweep()").await, 0);
    assert_eq!(standing(&db).await, ["a pending 1 1"; 3], "charged once");
}

#[tokio::test]
async fn a_sweep_passes_over_a_job_that_is_being_acked() {
    let db = lapsed().await;
    let (mut one, mut two) = two(&db).await;
    one.execute("begin; select jobs.ack(job_id, null, lease) from c where attempt = 1 order by id limit 1")
        .await
        .unwrap();
    assert_eq!(say::<i32>(&mut two, "select jobs.sweep()").await, 1, "the other of the two");
    one.execute("commit").await.unwrap();
    let mut all = standing(&db).await;
    all.sort();
    assert_eq!(all, ["a pending 1 1", "a success 0 1"]);
}

/// Whoever comes after a sweep that has not committed waits for it and is refused.
#[tokio::test]
async fn a_late_word_waits_for_the_sweep_and_is_refused() {
    for word in ["jobs.ack(job_id, '1', lease)", "jobs.nack(job_id, 'late', null, true, lease)"] {
        let db = lapsed().await;
        let (mut one, late) = two(&db).await;
        one.execute("begin; select jobs.sweep()").await.unwrap();
        let late = waits(&db, late, format!("select {word} from c order by id limit 1")).await;
        one.execute("commit").await.unwrap();
        let error = late.await.unwrap().expect_err(word);
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "PT409", "{word}");
        assert_eq!(standing(&db).await, ["a pending 1 1"; 2], "charged once, by the sweep: {word}");
    }
}

#[tokio::test]
async fn after_a_sweep_neither_word_nor_heartbeat_of_the_old_run_counts() {
    let db = lapsed().await;
    db.run("select jobs.sweep()").await;
    let (mut one, _) = two(&db).await;
    let words =
        ["ack(job_id, '1', lease)", "nack(job_id, 'late', null, true, lease)", "heartbeat(job_id, lease)"];
    for again in [false, true] {
        for word in words {
            assert_eq!(refused(&mut one, &format!("select jobs.{word} from c")).await, "PT409", "{word}");
        }
        if !again {
            db.advance(Duration::from_secs(60)).await;
            db.run("create table heir as select * from jobs.consume(2)").await;
        }
    }
    assert_eq!(db.one::<i64>("select count(jobs.ack(job_id, '2', lease)) from heir").await, 2);
}

/// A sweep that ended a job for good has the last word: a success that comes after is not taken for accepted.
#[tokio::test]
async fn a_success_after_the_sweep_of_the_last_run_is_lost() {
    let db = Db::with_clock().await;
    db.run(
        "select jobs.publish('a', null, null, 1, null, 1); create table c as select * from jobs.consume(1)",
    )
    .await;
    db.advance(Duration::from_secs(60)).await;
    db.run("select jobs.sweep()").await;
    for (outcome, expected) in [("success", 1), ("verify", 0), ("fail", 0)] {
        let said = format!(
            "select count(*) from jobs.settle((select array[job_id::text] from c), (select array[lease] from c), '{{{outcome}}}')"
        );
        assert_eq!(db.one::<i64>(&said).await, expected, "{outcome}");
    }
    assert_eq!(standing(&db).await, ["a failed 0 1"]);
}

#[tokio::test]
async fn settles_of_the_same_runs_in_opposite_orders_pass_each_other() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a') from generate_series(1, 3); create table c as select * from jobs.consume(3)").await;
    let settle = |order: &str| {
        format!(
            "select array(select s.reason from jobs.settle((select array_agg(job_id::text order by id {order}) from c),
               (select array_agg(lease order by id {order}) from c)) s)"
        )
    };
    let (mut one, mut two) = two(&db).await;
    one.execute("begin").await.unwrap();
    assert!(say::<Vec<String>>(&mut one, &settle("asc")).await.is_empty());
    assert_eq!(say::<Vec<String>>(&mut two, &settle("desc")).await, ["busy"; 3], "waits for nobody");
    one.execute("commit").await.unwrap();
    assert!(say::<Vec<String>>(&mut two, &settle("desc")).await.is_empty(), "said before");
    assert_eq!(standing(&db).await, ["a success 0 1"; 3]);
}

#[tokio::test]
async fn a_claim_takes_no_more_than_asked_for_whatever_statistics_say() {
    let db = with_worker().await;
    db.run(
        "analyze jobs.pending; alter table jobs.pending set (autovacuum_enabled = off);
            select jobs.publish(t) from unnest(array['a', 'b']) t, generate_series(1, 500)",
    )
    .await;
    let (mut one, mut two) = two(&db).await;
    one.execute("begin").await.unwrap();
    for num in [1, 7, 60] {
        assert_eq!(say::<i64>(&mut two, &claim(num)).await, i64::from(num));
        db.run(&format!("select jobs.release('{WORKER}', '{LEASE}')")).await;
        assert_eq!(
            refused(&mut two, &claim(num)).await,
            "PT410",
            "a lease that was given back takes no more"
        );
        db.run("update jobs.worker set void_leases = '{}'").await;
        assert_eq!(
            say::<i64>(&mut one, &format!("select count(*) from jobs.consume({num})")).await,
            i64::from(num)
        );
    }
}

/// A mark says that nobody waits before it; who drew an earlier number and commits now is found without it.
#[tokio::test]
async fn a_publisher_that_commits_late_is_seen_to_be_open_and_found_without_marks() {
    let db = with_worker().await;
    let (mut one, mut two) = two(&db).await;
    let early: i64 = {
        one.execute("begin").await.unwrap();
        say(&mut one, "select (jobs.publish('a')).id").await
    };
    two.execute("select jobs.publish('a')").await.unwrap();
    let look = |num: i32, marks: &str| {
        format!(
            "select j.id, c.unseen, c.next from jobs.claim('{WORKER}', '{{a}}', {num}, gen_random_uuid(), 5{marks}) c, unnest(c.jobs) j"
        )
    };
    let row = db.pool.fetch_one(AssertSqlSafe(look(5, ""))).await.unwrap();
    let publisher: i64 = say(&mut one, "select pg_current_xact_id()::text::bigint").await;
    assert_eq!(row.get::<i64, _>(0), early + 1, "the later number committed first");
    assert!(row.get::<i64, _>(1) <= publisher && publisher < row.get::<i64, _>(2), "no mark may be set yet");
    one.execute("commit").await.unwrap();
    let marks = format!(
        ", i_watermark_tasks => '{{a}}', i_watermark_priorities => '{{0}}', i_watermarks => '{{{}}}'",
        early + 1
    );
    assert!(
        db.pool.fetch_all(AssertSqlSafe(look(5, &marks))).await.unwrap().is_empty(),
        "behind a mark set too soon"
    );
    let row = db.pool.fetch_one(AssertSqlSafe(look(5, ""))).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), early);
}

#[tokio::test]
async fn cancelling_one_of_a_row_waits_for_the_claim_that_has_it() {
    for (num, end, status) in
        [(64, "commit", "running"), (3, "commit", "running"), (64, "rollback", "pending")]
    {
        let db = with_worker().await;
        db.run(TOGETHER).await;
        let (mut one, other) = two(&db).await;
        let first: String = db.one(&format!("select {FIRST}")).await;
        one.execute("begin").await.unwrap();
        assert_eq!(say::<i64>(&mut one, &claim(num)).await, i64::from(num));
        let cancelling = waits(&db, other, format!("select jobs.cancel(array['{first}'])")).await;
        one.execute(end).await.unwrap();
        assert_eq!(cancelling.await.unwrap().unwrap().len(), 1, "{num} {end}");
        assert_eq!(
            db.one::<String>(&format!("select status::text from jobs.get('{first}')")).await,
            "cancelled"
        );
        assert_eq!(db.one::<i64>("select count(*) from jobs.\"all\"").await, 64, "nobody lost");
        let others = format!("select status from jobs.\"all\" where job_id <> '{first}' order by id limit 1");
        assert_eq!(db.one::<String>(&others).await, status);
    }
}

#[tokio::test]
async fn a_claim_passes_over_a_row_of_which_one_is_being_cancelled() {
    let db = with_worker().await;
    db.run(&format!("{TOGETHER} select jobs.publish('b')")).await;
    let (mut one, mut two) = two(&db).await;
    one.execute(AssertSqlSafe(format!("begin; select jobs.cancel(array[{FIRST}])"))).await.unwrap();
    assert_eq!(say::<i64>(&mut two, &claim(100)).await, 1, "the other task's");
    one.execute("commit").await.unwrap();
    assert_eq!(say::<i64>(&mut two, &format!("select count(*) from jobs.claim('{WORKER}', '{{a,b}}', 100, gen_random_uuid(), 5) c, unnest(c.jobs)")).await, 63);
}

#[tokio::test]
async fn failing_a_pending_job_waits_for_its_claim_and_charges_once() {
    let db = with_worker().await;
    db.run("select jobs.publish('a')").await;
    let (mut one, other) = two(&db).await;
    one.execute("begin").await.unwrap();
    assert_eq!(say::<i64>(&mut one, &claim(1)).await, 1);
    let failing =
        waits(&db, other, "select jobs.nack(job_id, 'no', null, false) from jobs.job_queue".into()).await;
    one.execute("commit").await.unwrap();
    failing.await.unwrap().unwrap();
    assert_eq!(standing(&db).await, ["a pending 1 1"], "one start, one charge");
    let late = format!(
        "select count(*) from jobs.settle((select array_agg(job_id::text) from jobs.job_queue), '{{{LEASE}}}', i_batch_indexes => '{{0}}')"
    );
    assert_eq!(db.one::<i64>(&late).await, 1, "the run that was failed is lost");
}

/// A worker that leaves while its own last claim is under way: what that claim took comes back with the next sweep.
#[tokio::test]
async fn what_a_leaving_worker_still_claims_comes_back_at_once() {
    let db = with_worker().await;
    db.run("select jobs.publish('a') from generate_series(1, 3)").await;
    let (mut one, mut two) = two(&db).await;
    one.execute("begin").await.unwrap();
    assert_eq!(say::<i64>(&mut one, &claim(3)).await, 3);
    two.execute(AssertSqlSafe(format!("select jobs.unregister_worker('{WORKER}')"))).await.unwrap();
    one.execute("commit").await.unwrap();
    assert_eq!(say::<i32>(&mut two, "select jobs.sweep()").await, 3);
    assert_eq!(refused(&mut one, &claim(3)).await, "PT410");
    assert_eq!(standing(&db).await, ["a pending 1 1"; 3]);
    assert_eq!(say::<i32>(&mut two, "select jobs.sweep()").await, 0);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.worker").await,
        0,
        "and then the worker is forgotten"
    );
}

#[tokio::test]
async fn of_two_retentions_one_does_the_work_and_the_other_returns() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(86_400 * 40)).await;
    let (mut one, mut two) = two(&db).await;
    one.execute("begin").await.unwrap();
    assert!(say::<i64>(&mut one, "select count(*) from jobs.maintain_partitions()").await > 0);
    assert_eq!(say::<i64>(&mut two, "select count(*) from jobs.maintain_partitions()").await, 0);
    one.execute("commit").await.unwrap();
    assert_eq!(
        say::<i64>(&mut two, "select count(*) from jobs.maintain_partitions()").await,
        0,
        "nothing is left to do"
    );
}

/// The session of a claim whose answer never came may still be at work on it.
#[tokio::test]
async fn giving_back_a_claim_waits_for_the_claim() {
    let db = with_worker().await;
    db.run("select jobs.publish('a')").await;
    let (mut one, two) = two(&db).await;
    one.execute("begin").await.unwrap();
    say::<i64>(&mut one, &claim(1)).await;
    let given_back = waits(&db, two, format!("select jobs.release('{WORKER}', '{LEASE}')")).await;
    one.execute("commit").await.unwrap();
    assert_eq!(given_back.await.unwrap().unwrap()[0].get::<i32, _>(0), 1);
    assert_eq!(standing(&db).await, ["a pending 0 1"]);
}
