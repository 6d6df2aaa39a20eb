//! One job that cannot be claimed, sent or read stops no other.

use pgjobs::Worker;
use pgjobs_tests::Db;

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
async fn a_job_that_cannot_be_read_fails_alone() {
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
async fn a_job_that_cannot_be_sent_fails_alone_and_in_time() {
    let db = Db::new().await;
    let plain = beside(&db, "select jobs.publish('math.add', '{\"kwargs\": {\"a\": 77}}')").await;
    // As a text does that has no equivalent in the encoding of the client, or one that is too long.
    for (function, arguments, columns) in [
        (
            "claim",
            "i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_margin double precision, i_sleep_seconds double precision,
             i_alone text[], i_mark_tasks text[], i_mark_priorities integer[], i_marks bigint[], i_ahead integer",
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
                 raise exception using errcode = '54000', message = 'out of what a message can hold';
               end if;
             end $$",
            given.join(", "),
            if function == "claim" { "i_num > 1" } else { "true" },
        ))
        .await;
    }
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
