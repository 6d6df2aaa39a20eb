//! Verdicts that the database refuses.

use std::time::Duration;

use pgjobs::Worker;
use pgjobs_tests::{Db, until};

use crate::tasks::{add, fail};

/// Refuses what goes to history, as this condition says.
async fn refuse(db: &Db, condition: &str, code: &str) {
    db.run(&format!(
        "create sequence public.refusals;
         create function public.refuse() returns trigger language plpgsql as $$
         begin
           if {condition} then
             raise exception using errcode = '{code}', message = 'refused, as a test wants it';
           end if;
           return new;
         end $$;
         create trigger refuse before insert on jobs.job for each row execute function public.refuse()"
    ))
    .await;
}

#[tokio::test]
async fn a_success_that_meets_a_passing_error_is_a_success() {
    // A partition that is being made, two that draw the same key, a deadlock, a lock, no memory, no disk.
    // And what is wrong with the server or the schema, whatever an outcome holds.
    let of_the_server = ["42501", "42883", "3F000", "XX000", "XX001", "XX002"];
    for code in ["23514", "23505", "40P01", "55P03", "53200", "53100", "57014"].iter().chain(&of_the_server) {
        let db = Db::new().await;
        refuse(&db, "nextval('public.refusals') <= 3", code).await;
        let job = add::publish(&db.pool, 1).await.unwrap();
        let worker = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
        assert_eq!(job.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap(), 11, "{code}");
        let report = worker.shutdown().await;
        assert_eq!((report.succeeded, report.failed, report.lost), (1, 0, 0), "{code}");
    }
}

#[tokio::test]
async fn a_success_refused_for_its_content_is_sent_again_before_it_fails() {
    let db = Db::new().await;
    refuse(&db, "nextval('public.refusals') <= 1", "22P05").await;
    let job = add::publish(&db.pool, 1).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    assert_eq!(job.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap(), 11);
    worker.shutdown().await;

    let db = Db::new().await;
    refuse(&db, "new.status = 'success' and new.result = '11'", "22P05").await;
    let (bad, good) = (add::publish(&db.pool, 1).await.unwrap(), add::publish(&db.pool, 2).await.unwrap());
    let worker = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    assert_eq!(good.wait(&db.pool).await.unwrap(), 12);
    let error = bad.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap_err().to_string();
    assert!(error.contains("the run succeeded; and the database refused this outcome"), "{error}");
    let report = worker.shutdown().await;
    assert_eq!((report.succeeded, report.failed), (1, 1));
}

#[tokio::test]
async fn a_success_refused_whatever_its_result_is_sent_until_it_is_accepted() {
    let db = Db::new().await;
    refuse(&db, "new.status = 'success' and nextval('public.refusals') <= 6", "22P05").await;
    let job = add::publish(&db.pool, 1).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    assert_eq!(job.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap(), 11);
    let report = worker.shutdown().await;
    assert_eq!((report.succeeded, report.failed), (1, 0));
}

#[tokio::test]
async fn a_text_that_the_database_refuses_is_not_sent_again() {
    let db = Db::new().await;
    // A character that the encoding of the database does not have.
    refuse(&db, "position('✓' in new.traceback) > 0 and nextval('public.refusals') > 0", "22P05").await;
    let job = fail::publish(&db.pool, "✓".into()).retries(1).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("fail.*").start().await.unwrap();
    let error = job.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap_err().to_string();
    assert!(error.contains("the database refused its error"), "{error}");
    assert_eq!(db.one::<i64>("select last_value from public.refusals").await, 1, "it was sent again");
    worker.shutdown().await;
}

#[tokio::test]
async fn an_outcome_that_is_refused_for_long_delays_no_other() {
    let db = Db::new().await;
    refuse(&db, "new.result = '11'", "23514").await;
    add::publish(&db.pool, 1).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    for n in 2..30 {
        add::publish(&db.pool, n).await.unwrap().wait_for(&db.pool, Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 28);
    db.run("drop trigger refuse on jobs.job").await;
    until("it ends as what it was", async || {
        db.one::<i64>("select count(*) from jobs.job where status = 'success'").await == 29
    })
    .await;
    worker.shutdown().await;
}
