//! A large operation beside claims: paced, watched, stopped in the middle, taken up again.
//!
//! `PGJOBS_OPERATION_JOBS=1000000 cargo test --test operations -- beside --nocapture` does it with a million
//! and prints the figures.

use std::time::{Duration, Instant};

use pgjobs_tests::Db;
use sqlx::{Executor, PgConnection};

use crate::{failed, finish, numbers, start};

fn jobs() -> u32 {
    std::env::var("PGJOBS_OPERATION_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(20_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_large_operation_is_paced_watched_stopped_and_taken_up_again() {
    let (db, jobs) = (Db::new().await, jobs());
    failed(&db, jobs, 10).await;
    let from = Instant::now();
    let rate = jobs / 10;
    let first = start(
        &db,
        &format!("'retry', 'mail.*', i_error => 'timed out', i_rate => {rate}, i_reason => 'it is back'"),
    )
    .await;
    println!("started over {jobs} jobs in {:?}", from.elapsed());
    let (apart, beside) = rounds(&db, first).await;
    let ratio = beside / apart;
    println!("claims beside it: {beside:.0} a round, apart: {apart:.0}, ratio {ratio:.3}");
    // Of few jobs the rounds are short and other tests run beside them.
    let least = if jobs < 100_000 { 0.5 } else { 0.8 };
    assert!(ratio >= least, "claims beside an operation: {beside} a round, apart {apart}");

    let (state, done, skipped) = numbers(&db, first).await;
    assert!(
        state == "paused" && done > 0 && done < i64::from(jobs) && skipped == 0,
        "{state} {done} {skipped}"
    );
    db.run(&format!("select jobs.cancel_operation({first}, 'a wrong topic')")).await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.pending where task = 'mail.send'").await,
        done,
        "what is done stays done"
    );

    let second = start(&db, "'retry', 'mail.*'").await;
    let from = Instant::now();
    assert_eq!(finish(&db, second).await, ("done".to_owned(), i64::from(jobs) - done, 0));
    println!("the other {} were retried in {:?}", i64::from(jobs) - done, from.elapsed());
    assert_eq!(
        db.one::<i64>("select count(distinct job_id) from jobs.pending where task = 'mail.send'").await,
        i64::from(jobs)
    );
    let audit = "select string_agg(distinct action, ' ' order by action) from jobs.audit_log('mail.*', i_num => 1000)";
    assert_eq!(
        db.one::<String>(audit).await,
        "cancel_operation pause_operation resume_operation start_operation"
    );
}

/// Claims in rounds of a second, with the operation paused and not, in turn; the median number of claims of
/// each.
async fn rounds(db: &Db, id: i64) -> (f64, f64) {
    db.run("select jobs.publish_arrays('{beside}', array_fill('1'::jsonb, array[100000]), null, null, null, null, null, i_pack => false);
            analyze jobs.pending").await;
    let mut session = db.connect().await;
    let (mut apart, mut beside) = (Vec::new(), Vec::new());
    let mut last = 0;
    for _ in 0..5 {
        db.run(&format!("select jobs.pause_operation({id})")).await;
        apart.push(claims(db, &mut session).await);
        db.run(&format!("select jobs.resume_operation({id})")).await;
        beside.push(claims(db, &mut session).await);
        let (_, done, _) = numbers(db, id).await;
        assert!(done > last, "it goes on: {done}");
        last = done;
    }
    db.run(&format!("select jobs.pause_operation({id})")).await;
    (median(apart), median(beside))
}

/// How many claims of ten jobs with their acks fit into a second, while another session maintains as workers
/// do.
async fn claims(db: &Db, session: &mut PgConnection) -> f64 {
    let pool = db.pool.clone();
    let maintain = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await; // so that a rate has given some jobs
        sqlx::query("select jobs.maintain()").execute(&pool).await.unwrap();
    });
    let (from, mut claims) = (Instant::now(), 0.0);
    while from.elapsed() < Duration::from_secs(1) {
        session
            .execute("select count(*) from jobs.consume('beside', 10) c, jobs.ack(c.job_id, null, c.lease)")
            .await
            .unwrap();
        claims += 1.0;
    }
    maintain.await.unwrap();
    claims
}

fn median(mut counts: Vec<f64>) -> f64 {
    counts.sort_by(f64::total_cmp);
    counts[counts.len() / 2]
}
