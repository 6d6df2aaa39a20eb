//! History lies in daily partitions, which retention drops.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::{Connection, Executor};

const PARTITIONS: &str = "select count(*) from pg_inherits where inhparent = 'jobs.job'::regclass and inhrelid::regclass::text ~ 'job_\\d{8}$'";

#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_when_old() {
    let db = Db::with_clock().await;
    assert_eq!(db.one::<i64>(PARTITIONS).await, 3, "today and two more");
    db.run("select jobs.publish('old'); select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_default").await, 0);
    db.advance(Duration::from_secs(86_400 * 13)).await;
    db.run("select jobs.retain(); select jobs.publish('new'); select jobs.ack(job_id) from jobs.consume(1)")
        .await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 2);
    db.advance(Duration::from_secs(86_400 * 2)).await;
    let done: Vec<String> = db.all("select r from jobs.retain() r where r like 'dropped%'").await;
    assert!(!done.is_empty());
    assert_eq!(db.all::<String>("select task from jobs.job").await, ["new"]);
}

#[tokio::test]
async fn history_is_kept_for_ever_when_asked() {
    let db = Db::with_clock().await;
    db.run("update jobs.config set history_days = null; select jobs.publish('old'); select jobs.ack(job_id) from jobs.consume(1)").await;
    db.advance(Duration::from_secs(86_400 * 1000)).await;
    db.run("select jobs.retain()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
}

#[tokio::test]
async fn jobs_that_end_without_a_partition_are_kept_and_moved_later() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(86_400 * 10)).await;
    db.run("select jobs.publish('a'); select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_default").await, 1);
    db.run("select jobs.retain()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_default").await, 0);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
}

#[tokio::test]
async fn a_reader_of_history_delays_retention_and_nothing_else() {
    let db = Db::with_clock().await;
    db.advance(Duration::from_secs(86_400 * 40)).await;
    let mut reader = db.connect().await;
    let mut reading = reader.begin().await.unwrap();
    reading.execute("select count(*) from jobs.job").await.unwrap();
    db.run("select jobs.retain()").await; // gives up after its lock timeout
    db.run("select jobs.publish('a'); select jobs.ack(job_id) from jobs.consume(1)").await;
    reading.commit().await.unwrap();
    db.run("select jobs.retain()").await;
    assert_eq!(db.one::<i64>(PARTITIONS).await, 3);
}
