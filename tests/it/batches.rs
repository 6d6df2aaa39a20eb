//! Batches and marks: what a worker's claim moves, and where it looks.

use pgjobs_tests::{Db, until};
use sqlx::Executor;

const WORKER: &str = "00000000-0000-7000-8000-000000000000";

async fn with_worker() -> Db {
    let db = Db::new().await;
    db.run(&format!("select jobs.register_worker('{WORKER}', 'h', 1, 'v', '{{}}', '{{a,b}}', 100, 3600)"))
        .await;
    db
}

fn claim(num: usize, rest: &str) -> String {
    format!("jobs.claim('{WORKER}', '{{a,b}}', {num}, gen_random_uuid(), 5{rest})")
}

/// A batch holds 64 jobs as bits of one number, so each size around its edges is worth a look.
#[tokio::test]
async fn claims_of_every_size_come_back_whole_and_settle_whole() {
    let db = with_worker().await;
    for size in [1, 2, 31, 32, 33, 62, 63, 64, 65, 127, 128, 129, 192] {
        db.run(&format!("truncate jobs.pending, jobs.batch, jobs.job; select jobs.publish('a') from generate_series(1, {size})")).await;
        db.run(&format!(
            "drop table if exists c; create table c as select c.lease, c.part * 64 + j.ordinality::integer - 1 as batch_index, j.job_id
             from (select '00000000-0000-4000-8000-000000000001'::uuid as lease, k.*
                   from jobs.claim('{WORKER}', '{{a}}', 500, '00000000-0000-4000-8000-000000000001', 5) k) c,
               unnest(c.jobs) with ordinality j"
        ))
        .await;
        assert_eq!(db.one::<i64>("select count(*) from c").await, size, "claimed");
        assert_eq!(
            db.one::<i64>("select count(*) from jobs._runs r join c using (lease, batch_index, job_id)")
                .await,
            size,
            "the batch_index that the claim tells is where the job lies"
        );
        let settle = |half: &str| {
            format!(
                "select count(*) from jobs.settle((select array_agg(job_id::text) from c where {half}), (select array_agg(lease) from c where {half}),
                   i_batch_indexes => (select array_agg(batch_index) from c where {half}))"
            )
        };
        assert_eq!(db.one::<i64>(&settle("batch_index % 2 = 0")).await, 0);
        assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, size / 2);
        assert_eq!(
            db.one::<i64>(&settle("batch_index % 2 = 0")).await,
            0,
            "said again, it is known and not counted again"
        );
        db.run(&settle("batch_index % 2 = 1")).await;
        assert_eq!(
            db.one::<i64>("select count(distinct job_id) from jobs.job").await,
            size,
            "ended, once each"
        );
        assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, size);
        assert_eq!(db.one::<i64>("select count(*) from jobs.batch").await, 0, "nothing is left of a batch");
    }
}

#[tokio::test]
async fn jobs_with_large_bodies_do_not_share_a_batch() {
    let db = with_worker().await;
    db.run("select jobs.publish('a', to_jsonb((select string_agg(md5(g::text || n), '') from generate_series(1, 5000) n))) from generate_series(1, 5) g; select jobs.publish('a')").await;
    assert_eq!(db.one::<i64>(&format!("select count(*) from {} c", claim(6, ""))).await, 6);
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 6);
}

#[tokio::test]
async fn two_verdicts_on_one_run_in_one_call_are_refused_and_change_nothing() {
    let db = Db::new().await;
    db.run("select jobs.publish('a'); create table c as select * from jobs.consume(1)").await;
    let twice = "select jobs.settle((select array[job_id::text, job_id] from c), (select array[lease, lease] from c))";
    assert_eq!(db.refusal(twice).await.0, "PT400");
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 1);
}

/// Verdicts on runs that have ended come along with others that are welcome.
#[tokio::test]
async fn a_verdict_that_comes_too_late_spoils_no_other_and_does_not_count() {
    let db = Db::new().await;
    db.run("select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{a}', 100, 3600)").await;
    db.run("select jobs.publish('a') from generate_series(1, 4)").await;
    db.run(&format!("create table c as select '00000000-0000-4000-8000-000000000001'::uuid as lease, c.part * 64 + j.ordinality::integer - 1 as batch_index, j.job_id
        from jobs.claim('{WORKER}', '{{a}}', 4, '00000000-0000-4000-8000-000000000001', 5) c, unnest(c.jobs) with ordinality j")).await;
    let settle = |outcome: &str, which: &str| {
        format!(
            "select count(*) from jobs.settle((select array_agg(job_id::text) from c where {which}), (select array_agg(lease) from c where {which}),
               (select array_agg('{outcome}'::text) from c where {which}), i_batch_indexes => (select array_agg(batch_index) from c where {which}))"
        )
    };
    assert_eq!(db.one::<i64>(&settle("fail", "batch_index = 1")).await, 0);
    assert_eq!(db.one::<i64>(&settle("snooze", "batch_index = 2")).await, 0);
    assert_eq!(db.one::<i64>(&settle("success", "true")).await, 2, "the failed one and the snoozed one");
    let ends = "select array_agg(status::text order by id) from jobs.job";
    assert_eq!(db.one::<Vec<String>>(ends).await, ["success", "failed", "success"]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 1);
}

#[tokio::test]
async fn a_job_claimed_alone_is_finished_in_a_transaction_without_holding_others() {
    let db = with_worker().await;
    db.run("select jobs.publish('a') from generate_series(1, 3); select jobs.publish('b') from generate_series(1, 3)").await;
    db.run(&format!(
        "create table c as select c.part, j.job_id, j.task from {} c, unnest(c.jobs) j",
        claim(6, ", i_own_batch => '{b}'")
    ))
    .await;
    assert_eq!(db.one::<i64>("select count(distinct part) from c where task = 'b'").await, 3);
    assert_eq!(db.one::<i64>("select count(distinct part) from c where task = 'a'").await, 1);
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    one.execute("begin; select jobs.ack(job_id) from c where task = 'b' order by job_id limit 1")
        .await
        .unwrap();
    two.execute("set statement_timeout = '5s'; select jobs.ack(job_id) from c where task = 'b' order by job_id desc limit 1")
        .await
        .unwrap();
    one.execute("rollback").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
}

#[tokio::test]
async fn a_claim_starts_at_its_marks_and_still_sees_what_is_more_urgent_given_back_or_unmarked() {
    let db = with_worker().await;
    db.run(
        "select jobs.publish('a') from generate_series(1, 10);                          -- 1 to 10
         select jobs.publish('b') from generate_series(1, 2);                           -- 11, 12
         select jobs.publish('a', null, null, null, 5) from generate_series(1, 2);      -- 13, 14
         select jobs.publish('a', null, null, null, -5) from generate_series(1, 2)", // 15, 16
    )
    .await;
    // As if a run of number 3 had been given back.
    db.run("update jobs.pending set ready_seq = ready_seq - 4611686018427387904 where id = 3").await;
    let marked =
        claim(100, ", i_watermark_tasks => '{a}', i_watermark_priorities => '{0}', i_watermarks => '{8}'");
    let seen: Vec<i64> = db.all(&format!("select j.id from {marked} c, unnest(c.jobs) j order by 1")).await;
    assert_eq!(seen, [3, 8, 9, 10, 11, 12, 13, 14, 15, 16], "only 1, 2 and 4 to 7 lie behind the mark");
    let rest: Vec<i64> =
        db.all(&format!("select j.id from {} c, unnest(c.jobs) j order by 1", claim(100, ""))).await;
    assert_eq!(rest, [1, 2, 4, 5, 6, 7], "a claim without marks finds them");
}

/// The rule by which a worker moves its marks: a publisher that has drawn its number is visible as a
/// transaction that has not ended.
#[tokio::test]
async fn a_claim_reports_a_publisher_that_has_drawn_a_number_and_not_committed() {
    let db = with_worker().await;
    let mut late = db.connect().await;
    late.execute("begin; select jobs.publish('a')").await.unwrap();
    db.run("select jobs.publish('a')").await;
    let look = format!("select array[c.unseen, c.next] from {} c", claim(1, ""));
    let during: Vec<i64> = db.one(&look).await;
    let publisher: i64 =
        sqlx::query_scalar("select pg_current_xact_id()::text::bigint").fetch_one(&mut late).await.unwrap();
    assert!(during[0] <= publisher && publisher < during[1], "{during:?} {publisher}");
    late.execute("commit").await.unwrap();
    // Not at once: transactions of the server's other databases, where other tests run, count as well.
    until("all that the first claim could not see has ended", async || {
        db.run("select jobs.publish('a')").await;
        db.one::<Vec<i64>>(&look).await[0] >= during[1]
    })
    .await;
}

#[tokio::test]
async fn large_claims_of_plain_clients_do_not_wait_for_each_others_transactions() {
    let db = Db::new().await;
    db.run("select jobs.publish_bulk(array_fill(('a', null, null, null, null, null)::jobs.bulk_job, array[600]))").await;
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
