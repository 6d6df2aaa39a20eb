//! One job that cannot be claimed, sent or read stops no other.

use pgjobs::{End, Worker};
use pgjobs_tests::{Db, until};

use crate::tasks::add;

/// Jobs around the one that is odd, in one line with it.
async fn beside(db: &Db, odd: &str) -> u64 {
    pgjobs::publish_all(&db.pool, (0..50).map(add::new)).await.unwrap();
    db.run(odd).await;
    pgjobs::publish_all(&db.pool, (0..50).map(add::new)).await.unwrap();
    100
}

const ENDS: &str = "select status::text || ' ' || coalesce(traceback, '') from jobs.job where body->'kwargs' = '{\"a\": 77}'";

#[tokio::test]
async fn a_job_that_cannot_be_read_fails_and_no_other() {
    let db = Db::new().await;
    let odd = "select jobs.publish('math.add', '{\"kwargs\": {\"a\": 77}}');
               alter table jobs.pending alter column max_retries drop not null;
               alter table jobs.job alter column max_retries drop not null;
               update jobs.pending set max_retries = null where body->'kwargs' = '{\"a\": 77}'";
    let plain = beside(&db, odd).await;
    let report = Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed, report.lost), (plain, 1, 0));
    let end: String = db.one(ENDS).await;
    assert!(end.starts_with("failed the job cannot be read: a null where none can be"), "{end}");
}

#[tokio::test]
async fn a_job_that_cannot_be_sent_fails_in_time_and_no_other() {
    let db = Db::new().await;
    let plain = beside(&db, ODD).await;
    // As a text does that has no equivalent in the encoding of the client, or one that is too long.
    refuse_to_send(&db, "54000", "i_num > 1").await;
    let begun = std::time::Instant::now();
    let report = Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed, report.lost), (plain, 1, 0));
    let end: String = db.one(ENDS).await;
    assert!(end.starts_with("failed the job cannot be sent"), "{end}");
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job where retries > 0").await,
        0,
        "others were charged"
    );
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

/// What is too large to travel in time: an answer that brings it is cut off, in one step or in two.
#[tokio::test]
async fn a_job_that_does_not_arrive_in_time_fails_and_no_other() {
    let db = Db::new().await;
    let plain = beside(&db, ODD).await;
    db.run("create sequence public.alone").await;
    let claim =
        "exists (select from jobs._runs r where r.lease = i_lease and r.body->'kwargs' = '{\"a\": 77}')
                 and (case when i_num > 1 then true else nextval('public.alone') = 1 end)";
    refuse_to_send(&db, "57014", claim).await;
    let report = Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed, report.lost), (plain, 1, 0));
    let end: String = db.one(ENDS).await;
    assert!(end.starts_with("failed the job cannot be sent"), "{end}");
}

const ODD: &str = "select jobs.publish('math.add', '{\"kwargs\": {\"a\": 77}}')";

/// Refuses what is sent of the odd job: of a claim when this holds of it, and whenever it is fetched.
async fn refuse_to_send(db: &Db, code: &str, claim: &str) {
    for (function, arguments, columns) in [
        (
            "claim",
            "i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_margin double precision, i_sleep_seconds double precision,
             i_own_batch text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ahead integer",
            "part integer, run_at timestamptz, unseen bigint, next bigint, started bigint, jobs jobs.open_job[]",
        ),
        ("fetch", "i_worker uuid, i_lease uuid", "part integer, jobs jobs.open_job[]"),
    ] {
        let given: Vec<_> = arguments.split(',').map(|a| a.split_whitespace().next().unwrap()).collect();
        db.run(&format!(
            "alter function jobs.{function} rename to _inner_{function};
             create function jobs.{function}({arguments}) returns table ({columns}) language plpgsql as $$
             begin
               -- Only what is sent is refused: a claim whose jobs are fetched apart has committed before.
               return query select i.* from jobs._inner_{function}({}) i;
               if {} and exists (select from jobs._runs r where r.lease = i_lease and r.body->'kwargs' = '{{\"a\": 77}}') then
                 raise exception using errcode = '{code}', message = 'out of what a message can hold';
               end if;
             end $$",
            given.join(", "),
            if function == "claim" { claim } else { "true" },
        ))
        .await;
    }
}

/// Numbers at the end of what a column holds, as older rows and other clients may have them.
#[tokio::test]
async fn numbers_at_the_end_of_their_range_end_no_worker() {
    let db = Db::new().await;
    let checks = "select format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) from pg_constraint c
                  where c.contype = 'c' and c.connamespace = 'jobs'::regnamespace and c.conislocal and c.conparentid = 0";
    for statement in db.all::<String>(checks).await {
        db.run(&statement).await;
    }
    for column in ["attempt", "retries", "max_retries"] {
        for value in [i32::MAX, i32::MIN] {
            let id: String = db.one("select job_id from jobs.publish('math.add', '{\"args\": [1]}')").await;
            db.run(&format!("update jobs.pending set {column} = {value} where job_id = '{id}'")).await;
        }
    }
    let failing: String = db.one("select job_id from jobs.publish('fail.how', '{\"args\": [\"x\"]}')").await;
    db.run(&format!("update jobs.pending set retries = {} where job_id = '{failing}'", i32::MAX)).await;
    pgjobs::publish_all(&db.pool, (0..50).map(add::new)).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("math.*").topic("fail.*").start().await.unwrap();
    until("the plain ones end", async || {
        db.one::<i64>("select count(*) from jobs.job where status = 'success'").await >= 50
    })
    .await;
    until("all have run", async || {
        let report = worker.report();
        report.succeeded + report.failed + report.lost >= 50 + 7
    })
    .await;
    let report = worker.shutdown().await;
    assert_eq!(report.end, End::Orderly, "{report:?}");
}
