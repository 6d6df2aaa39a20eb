//! What an operator does with jobs, in raw SQL: cancel, retry, purge, find.

use pgjobs_tests::Db;

/// Three jobs of task a.b, of which a plain client runs the first.
async fn three_jobs(db: &Db) {
    db.publish_many("a.b", 1..=3).await;
    db.run("create table running as select job_id, lease from jobs.consume('a.*', 1)").await;
}

#[tokio::test]
async fn cancel_ends_jobs_that_are_pending_or_running() {
    let db = Db::new().await;
    three_jobs(&db).await;
    let cancel = "select count(*) from jobs.cancel((select array_agg(job_id::text) from jobs.find(null, 'a.*', null, 3)))";
    assert_eq!(db.one::<i64>(cancel).await, 3);
    assert_eq!(db.one::<i64>("select jobs.count('cancelled')").await, 3);
}

#[tokio::test]
async fn a_cancelled_job_takes_no_result() {
    let db = Db::new().await;
    three_jobs(&db).await;
    db.run("select jobs.cancel((select array_agg(job_id::text) from running))").await;
    assert_eq!(db.refusal("select jobs.ack(job_id, null, lease) from running").await.0, "PT409");
}

#[tokio::test]
async fn retry_makes_cancelled_jobs_pending() {
    let db = Db::new().await;
    three_jobs(&db).await;
    db.run("select jobs.cancel((select array_agg(job_id::text) from jobs.find(null)))").await;
    let retry =
        "select count(*) from jobs.retry((select array_agg(job_id::text) from jobs.find('cancelled')))";
    assert_eq!(db.one::<i64>(retry).await, 3);
    assert_eq!((db.count("pending").await, db.count("cancelled").await), (3, 0));
}

#[tokio::test]
async fn purge_deletes_the_pending_jobs_of_a_topic() {
    let db = Db::new().await;
    three_jobs(&db).await;
    db.publish("c.d", 1).await;
    assert_eq!(db.one::<i64>("select jobs.purge('a.*')").await, 2);
    assert_eq!((db.count("pending").await, db.count("running").await), (1, 1));
    assert_eq!(db.refusal("select jobs.purge(null)").await.0, "PT400");
}

#[tokio::test]
async fn find_pages_through_every_job_once() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('t') from generate_series(1, 25);
         select jobs.ack(job_id) from jobs.consume(10); select jobs.cancel((select array_agg(job_id::text) from jobs.find('pending', null, null, 5)))",
    )
    .await;
    let (mut seen, mut before) = (Vec::new(), None::<String>);
    loop {
        let page: Vec<String> = sqlx::query_scalar("select job_id from jobs.find(null, null, $1, 4)")
            .bind(&before)
            .fetch_all(&db.pool)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.clone());
        seen.extend(page);
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), sorted.len()), (25, 25));
    for (state, count) in [("pending", 10), ("success", 10), ("cancelled", 5), ("failed", 0), ("running", 0)]
    {
        let found: i64 = sqlx::query_scalar("select count(*) from jobs.find($1)")
            .bind(state)
            .fetch_one(&db.pool)
            .await
            .unwrap();
        assert_eq!(found, count, "{state}");
    }
}
