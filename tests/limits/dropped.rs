//! What becomes of blocked jobs, and of what is stored, when a limit is dropped.

use pgjobs_tests::Db;

/// Blocks the first so many jobs of task t at a bucket of limit a, as a claim does.
async fn block(db: &Db, jobs: i64) {
    db.run(&format!(
        "insert into jobs.bucket (id, version, key, waits)
           select (7::bigint << 14) + l.id, nextval('jobs.bucket_versions'), '[7]', true from jobs.job_limit l where l.name = 'a';
         update jobs.pending q set bucket = b.id from jobs.bucket b
         where q.job_id in (select p.job_id from jobs.pending p where p.task = 't' order by p.id limit {jobs})"
    ))
    .await;
}

#[tokio::test]
async fn blocked_jobs_become_ready_before_others_and_nothing_is_left() {
    let db = Db::new().await;
    db.run(r#"select jobs.set_limit('a', 't', '{"key": ["c"], "max": 1}')"#).await;
    db.run("select jobs.publish('t', to_jsonb(n)) from generate_series(1, 4) n").await;
    block(&db, 2).await;
    let worker = db.worker(&["t"]).await;
    let rest = worker.claim(10).tasks(&["other"]).await;
    assert!(rest.is_empty());
    assert!(db.one::<bool>("select jobs.drop_limit('a')").await);
    let ready: Vec<i64> = db.all("select q.body::bigint from jobs._ready r join jobs.pending q on q.ctid = r.at order by r.rank, r.ready_seq").await;
    assert_eq!(ready, [1, 2, 3, 4]);
    let third: i64 = db.one("select q.ready_seq from jobs.pending q where q.body = '3'").await;
    let claimed = worker.claim(10).watermark("t", 0, third).await;
    assert_eq!(claimed.bodies(), [1, 2, 3, 4], "also where claims have read on meanwhile");
    db.run("select jobs.maintain()").await;
    for table in ["job_limit", "bucket", "bucket_delta", "bucket_timer", "limit_state"] {
        assert_eq!(db.one::<i64>(&format!("select count(*) from jobs.{table}")).await, 0, "{table}");
    }
    assert!(!db.one::<bool>("select jobs.drop_limit('a')").await);
}

/// While a job is locked elsewhere, the limit stays, so that somebody frees the job.
#[tokio::test]
async fn a_dropped_limit_stays_while_a_job_is_blocked_by_it() {
    let db = Db::new().await;
    db.run(r#"select jobs.set_limit('a', 't', '{"key": ["c"], "max": 1}')"#).await;
    db.run("select jobs.publish('t')").await;
    block(&db, 1).await;
    let mut other = db.connect().await;
    sqlx::raw_sql("begin; select from jobs.pending for update").execute(&mut other).await.unwrap();
    db.run("select jobs.drop_limit('a'); select jobs.maintain()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where bucket is not null").await, 1);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_limit where dropped_at is not null").await, 1);
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    db.run("select jobs.maintain(); select jobs.maintain(); select jobs.maintain()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where bucket is null").await, 1);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_limit").await, 0);
}

#[tokio::test]
async fn a_name_is_free_at_once_and_an_id_is_not_taken_again_soon() {
    let db = Db::new().await;
    let mut ids: Vec<i32> = Vec::new();
    for _ in 0..3 {
        db.run(r#"select jobs.set_limit('a', 't', '{"max": 1}')"#).await;
        ids.push(db.one("select id from jobs.job_limit where name = 'a'").await);
        db.run("select jobs.drop_limit('a'); select jobs.maintain()").await;
    }
    assert_eq!(ids, [1, 2, 3]);
    db.run("select setval('jobs.limits_made', 16383 + 1)").await;
    db.run(r#"select jobs.set_limit('a', 't', '{"max": 1}'), jobs.set_limit('b', 't', '{"max": 1}')"#).await;
    let again: Vec<i32> = db.all("select id from jobs.job_limit order by id").await;
    assert_eq!(again, [2, 3], "after all others");
}

#[tokio::test]
async fn a_change_asks_the_next_claims_to_look_at_all_that_wait() {
    let db = Db::new().await;
    db.run(r#"select jobs.set_limit('a', 't', '{"key": ["c"], "max": 1}')"#).await;
    db.run(
        "insert into jobs.bucket (id, version, key, waits)
         select (n << 14) + 1, nextval('jobs.bucket_versions'), to_jsonb(array[n]), n % 2 = 0 from generate_series(1::bigint, 5000) n",
    )
    .await;
    db.run(r#"select jobs.set_limit('a', null, '{"max": 2}')"#).await;
    let asked: Vec<i64> = db.all("select b from jobs.bucket_delta d, unnest(d.buckets) b order by b").await;
    let waits: Vec<i64> = db.all("select id from jobs.bucket where waits order by id").await;
    assert_eq!(asked, waits);
    assert_eq!(db.one::<i64>("select sum(s) from jobs.bucket_delta d, unnest(d.slots) s").await, 0);
    assert!(db.one::<i32>("select max(cardinality(buckets)) from jobs.bucket_delta").await <= 1000);
}
