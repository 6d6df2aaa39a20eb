//! The cost of a claim does not grow with what is not claimed.

use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Lateness, amount};

/// As many jobs for next week, and as many ended ones.
const BALLAST: &str = "
insert into jobs.pending (id, job_id, task, created_at, scheduled_at)
select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop', now(), now() + interval '7 days' + g * interval '1 ms' from generate_series(1, many) g;
insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop', 0, 3, 0, 60, 'success', now(), now(), 1 from generate_series(1, many) g;
select setval('jobs.job_number', 2 * many);
";

#[tokio::test]
async fn a_claim_of_100_costs_the_same_beside_many_future_and_ended_jobs() {
    let (empty, full) = (Db::new().await, Db::new().await);
    let many = amount(100_000, 1_000_000);
    full.run(&BALLAST.replace("many", &many.to_string())).await; // never analysed: the planner is left with its worst guess
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
        "claim of 100: {:?} alone, {:?} beside twice {many} others: ratio {ratio:.2}",
        median(&mut alone),
        median(&mut beside)
    );
    assert!(ratio < 2.0, "ratio {ratio}");
}

/// Statistics from a moment when the queue was empty, and its pages kept: the planner believes in one
/// row where there are hundreds of thousands.
#[tokio::test]
async fn on_stale_statistics_nothing_reads_the_whole_queue() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    db.run(
        "insert into jobs.pending (id, job_id, task, created_at, ready_seq)
           select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop', now(), g from generate_series(1, 300000) g;
         delete from jobs.pending",
    )
    .await;
    db.run("vacuum analyze jobs.pending").await;
    db.run(
        "insert into jobs.pending (id, job_id, task, created_at, ready_seq)
           select g, jobs._new_job_id(jobs._id_time(now()), g), 'noop', now(), g from generate_series(1, 300000) g;
         select setval('jobs.job_number', 300000)",
    )
    .await;
    db.run("create table c as select * from jobs.consume(200)").await;
    let mut session = db.connect().await;
    sqlx::query("select count(*) from jobs.consume(1)").fetch_one(&mut session).await.unwrap(); // plans are made
    for (what, limit, statement) in [
        ("claim", 100, "select count(*) from jobs.consume(100)"),
        (
            "settle",
            100,
            "select count(*) from jobs.settle((select array_agg(job_id::text) from c), (select array_agg(lease) from c),
               array_fill('retry'::text, array[200]), array_fill(null::jsonb, array[200]), array_fill(null::text, array[200]),
               array_fill(1::float8, array[200]))",
        ),
        ("cancel", 100, "select count(*) from jobs.cancel((select array_agg(job_id::text) from c))"),
        ("retry", 100, "select count(*) from jobs.retry((select array_agg(job_id::text) from c))"),
    ] {
        let start = Instant::now();
        sqlx::query(statement).fetch_one(&mut session).await.unwrap();
        let took = start.elapsed();
        println!("{what} beside 300,000 jobs that the statistics deny: {took:?}");
        assert!(
            took < lateness.allow(Duration::from_millis(limit)),
            "{what}: {took:?}; it takes seconds when it reads the queue"
        );
    }
}

/// The shortest of ten claims of 100 by a worker with so many tasks, each of which has jobs, and a mark for every tenth.
async fn claim_among(tasks: usize) -> Duration {
    let db = Db::new().await;
    db.run(&format!(
        "create table given as select array_agg('t' || g) as tasks, array_agg('t' || g) filter (where g % 10 = 0) as marked from generate_series(1, {tasks}) g;
         select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{{}}', (select tasks from given), 100, 3600);
         select count(jobs.publish('t' || g)) from generate_series(1, {tasks}) g, generate_series(1, 2)"
    ))
    .await;
    let claim = "select sum(cardinality(c.jobs)) from given, jobs.claim('00000000-0000-7000-8000-000000000000', tasks, 100, gen_random_uuid(), 5,
        null, null, marked, array_fill(0, array[cardinality(marked)]), array_fill(1::bigint, array[cardinality(marked)])) c";
    let mut session = db.connect().await;
    let mut shortest = Duration::MAX;
    for _ in 0..10 {
        let begun = Instant::now();
        let got: i64 = sqlx::query_scalar(claim).fetch_one(&mut session).await.unwrap();
        shortest = shortest.min(begun.elapsed());
        assert_eq!(got, 100);
    }
    shortest
}

#[tokio::test]
async fn a_claim_is_linear_in_tasks_that_have_jobs() {
    let (few, many) = (claim_among(500).await, claim_among(5000).await);
    println!("claim of 100: {few:?} among 500 tasks, {many:?} among 5,000");
    assert!(many < 25 * few, "{few:?} among 500 tasks, {many:?} among 5,000");
}

async fn claim_100(db: &Db) -> Duration {
    db.run("select jobs.publish_bulk(array(select ('noop', null, null, null, null, null)::jobs.bulk_job from generate_series(1, 100)))").await;
    let mut connection = db.pool.acquire().await.unwrap();
    let start = Instant::now();
    let claimed =
        sqlx::query("select j.id from jobs.claim('00000000-0000-7000-8000-000000000000', '{noop}', 100, gen_random_uuid(), 15) c, unnest(c.jobs) j")
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
