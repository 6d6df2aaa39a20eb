//! The cost of a claim does not grow with what is not claimed.

use std::time::{Duration, Instant};

use pgjobs_tests::Db;

/// A million jobs for next week and a million ended ones.
const BALLAST: &str = "
insert into jobs.job_queue (id, job_id, task, created_at, scheduled_at)
select g, jobs._new_job_id(now()), 'noop', now(), now() + interval '7 days' + g * interval '1 ms' from generate_series(1, 1000000) g;
insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
select g, jobs._new_job_id(now()), 'noop', 0, 3, 0, 60, 'success', now(), now(), 1 from generate_series(1, 1000000) g;
select setval('jobs.job_number', 2000000);
";

#[tokio::test]
async fn a_claim_of_100_costs_the_same_beside_a_million_future_and_a_million_ended_jobs() {
    let (empty, full) = (Db::new().await, Db::new().await);
    full.run(BALLAST).await; // never analysed: the planner is left with its worst guess
    for db in [&empty, &full] {
        db.run("select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{noop}', 100, 3600)").await;
    }
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        // In turn, so that both see the same machine.
        alone.push(claim_100(&empty).await);
        beside.push(claim_100(&full).await);
    }
    let ratio = median(&mut beside).as_secs_f64() / median(&mut alone).as_secs_f64();
    println!(
        "claim of 100: {:?} alone, {:?} beside two million others: ratio {ratio:.2}",
        median(&mut alone),
        median(&mut beside)
    );
    assert!(ratio < 2.0, "ratio {ratio}");
}

async fn claim_100(db: &Db) -> Duration {
    db.run("select jobs.publish_bulk(array(select ('noop', null, null, null, null, null)::jobs.bulk_job from generate_series(1, 100)))").await;
    let mut connection = db.pool.acquire().await.unwrap();
    let start = Instant::now();
    let claimed =
        sqlx::query("select * from jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 100, 15)")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    assert_eq!(claimed.len(), 100);
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
