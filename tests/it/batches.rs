//! Batches and watermarks: what a worker's claim moves, and where it reads.

use std::collections::BTreeSet;

use pgjobs_tests::{ClaimedJob, Db, until};
use sqlx::Executor;
use sqlx::postgres::PgConnection;

/// A batch holds 64 jobs as bits of one number, so each size around its edges is worth a test.
const SIZES: [i64; 13] = [1, 2, 31, 32, 33, 62, 63, 64, 65, 127, 128, 129, 192];

#[tokio::test]
async fn claims_of_every_size_return_each_job_with_its_batch_index() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    for size in SIZES {
        db.publish_many("a", 1..=size).await;
        let claimed = worker.claim(500).await;
        assert_eq!(claimed.bodies(), (1..=size).collect::<Vec<_>>());
        let answered: BTreeSet<String> = claimed.jobs.iter().map(run).collect();
        let stored = "select lease || ' ' || batch_index || ' ' || job_id from jobs._runs";
        assert_eq!(answered, BTreeSet::from_iter(db.all::<String>(stored).await), "{size}");
        db.run("truncate jobs.batch").await;
    }
}

fn run(job: &ClaimedJob) -> String {
    format!("{} {} {}", job.lease, job.batch_index.expect("claimed"), job.job_id)
}

#[tokio::test]
async fn claims_of_every_size_are_settled_half_by_half() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    for size in SIZES {
        db.run("truncate jobs.job").await;
        db.publish_many("a", 1..=size).await;
        let claimed = worker.claim(500).await;
        let half =
            |odd: i64| claimed.jobs.iter().filter(move |job| job.body.as_i64().map(|n| n % 2) == Some(odd));
        assert!(db.settle("success", half(1)).await.is_empty());
        assert_eq!(db.count("running").await, size / 2);
        assert!(db.settle("success", half(1)).await.is_empty(), "accepted before, and not counted again");
        assert!(db.settle("success", half(0)).await.is_empty());
        let ended = "select array[count(distinct job_id), count(*)] from jobs.job";
        assert_eq!(db.one::<Vec<i64>>(ended).await, [size, size], "ended, once each");
        assert_eq!(db.one::<i64>("select count(*) from jobs.batch").await, 0, "nothing is left of a batch");
    }
}

#[tokio::test]
async fn jobs_with_large_bodies_do_not_share_a_batch() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.run("select jobs.publish('a', to_jsonb((select string_agg(md5(g::text || n), '') from generate_series(1, 5000) n))) from generate_series(1, 5) g").await;
    db.publish("a", 1).await;
    assert_eq!(worker.claim(6).await.batches.len(), 6);
    assert_eq!(db.count("running").await, 6);
}

#[tokio::test]
async fn two_outcomes_of_one_run_in_one_call_are_refused() {
    let db = Db::new().await;
    db.publish("a", 1).await;
    db.run("create table c as select * from jobs.consume(1)").await;
    let twice = "select jobs.settle((select array[job_id::text, job_id] from c), (select array[lease, lease] from c))";
    assert_eq!(db.refusal(twice).await.0, "PT400");
    assert_eq!(db.count("running").await, 1, "and change nothing");
}

/// Outcomes of runs that have ended arrive along with others that are welcome.
#[tokio::test]
async fn an_outcome_that_comes_too_late_is_lost_without_the_others() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=4).await;
    let jobs = worker.claim(4).await.jobs;
    assert!(db.settle("fail", [&jobs[1]]).await.is_empty());
    assert!(db.settle("snooze", [&jobs[2]]).await.is_empty());
    assert_eq!(db.settle("success", &jobs).await, ["lost", "lost"], "the failed one and the snoozed one");
    let ends = "select array_agg(status::text order by id) from jobs.job";
    assert_eq!(db.one::<Vec<String>>(ends).await, ["success", "failed", "success"]);
    assert_eq!(db.count("pending").await, 1);
}

#[tokio::test]
async fn each_job_of_a_task_with_own_batches_has_a_part_of_its_own() {
    let db = Db::new().await;
    let worker = db.worker(&["a", "b"]).await;
    db.publish_many("a", 1..=3).await;
    db.publish_many("b", 4..=6).await;
    let claimed = worker.claim(6).own_batch(&["b"]).await;
    let parts = |task: &str| {
        let of = claimed.jobs.iter().filter(|job| job.task == task);
        of.filter_map(|job| job.batch_index.map(|index| index >> 6)).collect::<BTreeSet<_>>()
    };
    assert_eq!((parts("a").len(), parts("b").len()), (1, 3));
}

#[tokio::test]
async fn a_job_with_an_own_batch_is_acked_in_a_transaction_that_locks_no_other() {
    let db = Db::new().await;
    let worker = db.worker(&["b"]).await;
    db.publish_many("b", 1..=3).await;
    let jobs = worker.claim(3).own_batch(&["b"]).await.jobs;
    let mut first = db.connect().await;
    first.execute("begin").await.unwrap();
    ack(&mut first, &jobs[0]).await;
    let mut second = db.connect().await;
    second.execute("set statement_timeout = '5s'").await.unwrap();
    ack(&mut second, &jobs[2]).await;
    first.execute("rollback").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
}

async fn ack(session: &mut PgConnection, job: &ClaimedJob) {
    sqlx::query("select jobs.ack($1)").bind(&job.job_id).execute(session).await.expect("ack");
}

#[tokio::test]
async fn a_claim_with_a_watermark_passes_over_what_lies_before_it() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=10).await;
    let eighth: i64 = db.one("select ready_seq from jobs.pending where body = '8'").await;
    assert_eq!(worker.claim(100).watermark("a", 0, eighth).await.bodies(), [8, 9, 10]);
    assert_eq!(
        worker.claim(100).await.bodies(),
        [1, 2, 3, 4, 5, 6, 7],
        "a claim without watermarks finds them"
    );
}

#[tokio::test]
async fn a_watermark_is_one_of_its_task_and_priority() {
    let db = Db::new().await;
    let worker = db.worker(&["a", "b"]).await;
    db.publish_many("a", 1..=3).await;
    db.publish_many("b", 4..=5).await;
    db.publish_many("a", 6..=7).priority(5).await;
    db.publish_many("a", 8..=9).priority(-5).await;
    let claimed = worker.claim(100).watermark("a", 0, i64::from(i32::MAX)).await;
    assert_eq!(claimed.bodies(), [6, 7, 4, 5, 8, 9]);
    assert_eq!(worker.claim(100).await.bodies(), [1, 2, 3]);
}

#[tokio::test]
async fn a_released_job_is_found_before_the_watermark() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=3).await;
    let first = worker.claim(1).await;
    let second = worker.claim(1).await.jobs;
    assert!(db.settle("release", &second).await.is_empty());
    assert_eq!((first.bodies(), second[0].body.as_i64()), (vec![1], Some(2)));
    let third: i64 = db.one("select ready_seq from jobs.pending where body = '3'").await;
    assert_eq!(worker.claim(100).watermark("a", 0, third).await.bodies(), [2, 3]);
}

/// The rule by which a worker moves its watermarks: a publisher that has drawn its number is visible as a transaction
/// that has not ended.
#[tokio::test]
async fn a_claim_reports_a_publisher_that_has_not_committed() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    let mut late = db.connect().await;
    late.execute("begin").await.unwrap();
    db.publish("a", 1).on(&mut late).await;
    let horizon = async || {
        db.publish("a", 2).await;
        worker.claim(1).await.horizon.expect("of a claim that took something")
    };
    let (unseen, next) = horizon().await;
    let xid = "select pg_current_xact_id()::text::bigint";
    let publisher: i64 = sqlx::query_scalar(xid).fetch_one(&mut late).await.unwrap();
    assert!(unseen <= publisher && publisher < next, "{unseen} {publisher} {next}");
    late.execute("commit").await.unwrap();
    // Not at once: transactions of the server's other databases, where other tests run, count as well.
    until("all that the first claim could not see has ended", async || horizon().await.0 >= next).await;
}

#[tokio::test]
async fn a_large_claim_of_a_plain_client_does_not_wait_for_another() {
    let db = Db::new().await;
    db.publish_many("a", 1..=600).await;
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    one.execute("begin; select jobs.consume(300)").await.unwrap();
    two.execute("set statement_timeout = '5s'").await.unwrap();
    let got: i64 =
        sqlx::query_scalar("select count(*) from jobs.consume(300)").fetch_one(&mut two).await.unwrap();
    assert_eq!(got, 300);
}

/// Otherwise a claim could see a greater number and no transaction that still holds a smaller one.
#[tokio::test]
async fn a_publisher_is_a_transaction_before_it_draws_a_number() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('a');   -- the first of 32 numbers is written to the log, which needs a transaction anyway
         create function wait() returns trigger language plpgsql as $$ begin perform pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7); return new; end $$;
         create trigger wait before insert on jobs.pending for each row execute function wait()",
    )
    .await;
    let mut holder = db.connect().await;
    for publish in [
        "select jobs.publish('a')",
        "select jobs.publish_bulk(array[('a', null, null, null, null, null)::jobs.bulk_job])",
        "select jobs.publish_arrays('{a}', array['1'::jsonb], null, null, null, null, null)",
        "select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[64]), null, null, null, null, null, i_pack => true)",
    ] {
        holder.execute("select pg_advisory_lock(7)").await.unwrap();
        let mut publisher = db.connect().await;
        let publishing = tokio::spawn(async move { publisher.execute(publish).await.map(drop) });
        let waiting = "from pg_stat_activity where datname = current_database() and wait_event = 'advisory'";
        until("it has drawn its number and waits", async || {
            db.one::<i64>(&format!("select count(*) {waiting}")).await == 1
        })
        .await;
        let known: bool = db.one(&format!("select backend_xid is not null {waiting}")).await;
        assert!(known, "{publish}");
        holder.execute("select pg_advisory_unlock(7)").await.unwrap();
        publishing.await.unwrap().unwrap();
    }
}
