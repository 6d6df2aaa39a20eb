//! How long pages take with many jobs: `cargo test --release --test dashboard -- --ignored --nocapture scale`.
//! `PGJOBS_OPEN` and `PGJOBS_ENDED` say how many (100,000 and 1,000,000). `PGJOBS_SCALE_URL` names a database
//! that has them already: one that was loaded by hand, and is measured again and again.

use std::time::{Duration, Instant};

use pgjobs::web::{Dashboard, Role, Viewer};
use pgjobs_tests::Db;

use crate::Site;

/// Every page and filter, each with and without anything to find.
const PATHS: &[&str] = &[
    "/",
    "/jobs",
    "/jobs?state=ready",
    "/jobs?state=scheduled",
    "/jobs?state=backoff",
    "/jobs?state=running",
    "/jobs?state=success",
    "/jobs?state=failed",
    "/jobs?state=cancelled",
    "/jobs?task=topic3.*",
    "/jobs?task=none",
    "/jobs?tag=none",
    "/jobs?text=none",
    "/jobs?state=success&task=none",
    "/jobs?state=success&text=none",
    "/jobs?state=success&tag=t500",
    "/jobs?state=success&meta=tenant:5550",
    "/jobs?state=failed&error=timed+out+9",
    "/jobs?state=failed&error=none",
    "/jobs?state=success&since=20d&until=19d",
    "/operations",
    "/tasks",
    "/tasks/topic1.task1",
    "/topics",
    "/topics/topic1.*",
    "/schedules",
    "/workers",
    "/errors",
    "/errors?range=30d",
    "/errors?range=30d&topic=topic7.*",
    "/database",
    "/audit",
    "/jobs/act?do=redrive&all=1&state=failed&task=topic0.*",
];

const TIMES: usize = 20;

/// The greatest of these times that 95 of a hundred do not exceed.
fn p95(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[(times.len() * 95).div_ceil(100) - 1]
}

#[test]
fn the_95th_of_a_hundred_is_the_95th() {
    assert_eq!(p95((1..=100).map(Duration::from_millis).collect()), Duration::from_millis(95));
    assert_eq!(p95((1..=20).map(Duration::from_millis).collect()), Duration::from_millis(19));
}

#[tokio::test]
#[ignore = "loads a million jobs"]
async fn scale_of_pages() {
    let of =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let db = Db::new().await;
    let pool = match std::env::var("PGJOBS_SCALE_URL") {
        Ok(url) => sqlx::PgPool::connect(&url).await.expect("the database of PGJOBS_SCALE_URL"),
        Err(_) => {
            load(&db, of("PGJOBS_OPEN", 100_000), of("PGJOBS_ENDED", 1_000_000)).await;
            db.pool.clone()
        }
    };
    let hook = |_: &_| Some(Viewer::new("mara", Role::Admin));
    let site = Site::serve(Dashboard::new(pool.clone()).authenticate(hook).router()).await;
    let one = "select job_id::text from jobs.find('success', 'topic1.task1', i_num => 1)";
    let job: String = sqlx::query_scalar(one).fetch_one(&pool).await.expect("a job");
    let job = format!("/jobs/{job}");
    let mut slow = Vec::new();
    for path in PATHS.iter().copied().chain([job.as_str()]) {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let began = Instant::now();
            site.get(path).await.ok();
            times.push(began.elapsed());
        }
        let p95 = p95(times);
        println!("{:>8.1} ms  {path}", p95.as_secs_f64() * 1000.0);
        if p95 > Duration::from_millis(200) {
            slow.push(path.to_owned());
        }
    }
    assert!(slow.is_empty(), "above 200 ms: {slow:?}");
}

/// Half of the open jobs are due later; ended ones lie on thirty days, one in a hundred failed.
async fn load(db: &Db, open: u64, ended: u64) {
    db.run(&format!(
        "update jobs.config set history_days = 400, max_bulk = 1000000, max_bulk_bytes = 1000000000;
         select count(jobs._make_partition(current_date - g)) from generate_series(1, 29) g;
         insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at, run_at, complete_on, traceback, attempt, meta)
         select nextval('jobs.job_number'), jobs._new_job_id(jobs._id_time(t.at - interval '5 s'), g), 'topic' || g % 10 || '.task' || g % 50,
           jsonb_build_object('args', jsonb_build_array(g), 'kwargs', jsonb_build_object('name', md5(g::text))), 1, 3, 0, 60,
           (case when g % 100 = 0 then 'failed' when g % 1000 = 1 then 'cancelled' else 'success' end)::jobs.job_status, t.at - interval '5 s',
           t.at - interval '1 s', t.at, case when g % 100 = 0 then 'timed out ' || g end, 1,
           case when g % 10 = 0 then jsonb_build_object('tags', jsonb_build_array('t' || g % 1000), 'tenant', g % 10000) end
         from generate_series(1, {ended}) g, lateral (select now() - g * (interval '29 days' / {ended}) as at) t;
         select count(*) from jobs.publish_bulk(array(select row('topic' || n % 10 || '.task' || n % 50,
           jsonb_build_object('args', jsonb_build_array(n), 'kwargs', jsonb_build_object('name', md5(n::text))),
           case when n % 2 = 0 then now() + n * interval '1 s' end, null, null, null)::jobs.bulk_job from generate_series(1, {open}) n))"
    ))
    .await;
    db.run("vacuum analyze").await;
}
