//! What becomes ready when: due jobs, jobs of the dead, and what a limit leaves.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::Executor;

const WORKER: &str = "00000000-0000-7000-8000-000000000000";
const LEASE: &str = "00000000-0000-4000-8000-000000000001";

async fn with_worker() -> Db {
    let db = Db::with_clock().await;
    db.run(&format!("select jobs.register_worker('{WORKER}', 'host', 1, '1', '{{*}}', '{{a}}', 9, 10)"))
        .await;
    db
}

async fn claim(db: &Db, num: i32, ahead: i32) {
    db.run(&format!("select jobs.claim('{WORKER}', '{{a}}', {num}, '{LEASE}', 5, i_ahead => {ahead})")).await;
}

/// The bodies of pending jobs in their order, with the runs that they were charged.
async fn queue(db: &Db) -> Vec<String> {
    db.all("select body::text || ':' || retries from jobs._waiting order by jobs._rank(priority, ready_seq), ready_seq").await
}

#[tokio::test]
async fn jobs_of_a_dead_worker_come_back_first_and_those_that_never_began_are_not_charged() {
    let db = with_worker().await;
    db.run("select jobs.publish('a', to_jsonb(g), i_max_retries => case when g = 3 then 1 else 3 end) from generate_series(1, 6) g").await;
    claim(&db, 4, 2).await;
    db.advance(Duration::from_secs(11)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 4);
    assert_eq!(queue(&db).await, ["1:1", "2:1", "3:0", "4:0", "5:0", "6:0"]);
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 0, "3 had one run, and it never began");
}

#[tokio::test]
async fn rows_of_several_jobs_are_charged_as_far_as_they_began() {
    let db = with_worker().await;
    db.run("select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[128]), null, null, null, null, null, i_pack => true)").await;
    claim(&db, 128, 100).await;
    db.advance(Duration::from_secs(11)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep(1000)").await, 128);
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where retries = 1").await, 28);
}

#[tokio::test]
async fn what_begins_later_is_said_and_then_charged() {
    let db = with_worker().await;
    db.run("select jobs.publish('a', to_jsonb(g), i_max_retries => case when g = 2 then 1 else 3 end) from generate_series(1, 4) g").await;
    claim(&db, 4, 4).await;
    let refused = format!("select count(*) from jobs.start('{WORKER}', '{{{LEASE},{LEASE}}}', '{{1,7}}')");
    assert_eq!(db.one::<i64>(&refused).await, 1, "there is no seventh");
    let beat = format!("select jobs.heartbeat_worker('{WORKER}', '{{}}', '{{}}', '{{{LEASE}}}', '{{2}}')");
    assert!(db.one::<bool>(&beat).await);
    db.advance(Duration::from_secs(11)).await;
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 4);
    assert_eq!(queue(&db).await, ["1:0", "3:1", "4:0"]);
    assert_eq!(db.one::<String>("select traceback from jobs.job").await, "lost: the worker died");
    let late = format!("select count(*) from jobs.start('{WORKER}', '{{{LEASE}}}', '{{0}}')");
    assert_eq!(db.one::<i64>(&late).await, 1, "what went to others must not begin");
}

#[tokio::test]
async fn due_jobs_become_ready_in_the_order_of_their_times() {
    let db = Db::with_clock().await;
    for seconds in [3, 1, 2] {
        db.run(&format!("select jobs.publish('a', '{seconds}', jobs.now() + interval '{seconds} s')")).await;
    }
    db.advance(Duration::from_secs(60)).await;
    assert_eq!(db.one::<i32>("select jobs.promote()").await, 3);
    assert_eq!(queue(&db).await, ["1:0", "2:0", "3:0"]);
}

#[tokio::test]
async fn tend_says_when_there_is_more_than_its_limit() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', null, jobs.now() + interval '1 s') from generate_series(1, 5)").await;
    db.advance(Duration::from_secs(60)).await;
    for _ in 0..2 {
        assert_eq!(db.one::<Option<f64>>("select jobs.maintain(2)").await, Some(0.0));
    }
    assert_eq!(db.one::<Option<f64>>("select jobs.maintain(2)").await, None);
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where ready_seq is null").await, 0);
}

/// Of a batch whose runs have lapsed, what a sweep's limit leaves is found by the next.
#[tokio::test]
async fn the_limit_of_a_sweep_hides_nothing() {
    let db = with_worker().await;
    db.run("select jobs.publish('a', null, null, case when g = 4 then 1000 else 1 end) from generate_series(1, 4) g").await;
    claim(&db, 4, 0).await;
    db.advance(Duration::from_secs(8)).await;
    for expected in [1, 1, 1, 0] {
        assert_eq!(db.one::<i32>("select jobs.sweep(1)").await, expected);
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 1);
}

/// A flag that was set while the clock was a day ahead does not stay a day.
#[tokio::test]
async fn a_flag_from_the_future_comes_back() {
    let db = Db::new().await;
    db.run("select setval('jobs.sleeping_until', (extract(epoch from now()) * 1000)::bigint + 86400000); select jobs._sleep_for(1)").await;
    let ahead = "select last_value - (extract(epoch from now()) * 1000)::bigint from jobs.sleeping_until";
    assert!(db.one::<i64>(ahead).await < 120_000);
}

/// As long as the whole fleet is away, nobody sweeps: then the runs' own time is over as well.
#[tokio::test]
async fn jobs_that_never_began_are_not_charged_however_late_the_sweep_comes() {
    let db = with_worker().await;
    db.run("select jobs.publish('a', to_jsonb(g), i_timeout => 0.5, i_max_retries => case when g < 3 then 1 else 3 end) from generate_series(1, 3) g").await;
    claim(&db, 3, 2).await;
    db.advance(Duration::from_secs(60)).await;
    db.run("select jobs.maintain()").await;
    assert_eq!(queue(&db).await, ["2:0", "3:0"]);
    assert_eq!(
        db.one::<String>("select traceback from jobs.job").await,
        "expired: the run outlasted its timeout"
    );
}

/// On its last run a worker says that it begins before it does, so what it did not say did not happen.
#[tokio::test]
async fn a_job_on_its_last_run_outlives_any_number_of_workers_that_never_began_it() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', '1', i_max_retries => 1)").await;
    for nth in 1..4 {
        db.run(&format!(
            "select jobs.register_worker('00000000-0000-7000-8000-00000000000{nth}', 'host', 1, '1', '{{*}}', '{{a}}', 9, 10);
             select jobs.claim('00000000-0000-7000-8000-00000000000{nth}', '{{a}}', 1, gen_random_uuid(), 5, i_ahead => 1)"
        ))
        .await;
        db.advance(Duration::from_secs(11)).await;
        assert_eq!(db.one::<i32>("select jobs.sweep()").await, 1);
        assert_eq!(queue(&db).await, ["1:0"], "worker {nth}");
    }
}

/// Its row is what finds its batches, and a transaction with an old snapshot does not see them all.
#[tokio::test]
async fn a_dead_worker_is_not_forgotten_by_one_who_cannot_see_its_newest_batch() {
    let db = with_worker().await;
    db.run("select jobs.publish('a', '1', i_timeout => 600)").await;
    db.advance(Duration::from_secs(11)).await; // late, and alive
    let mut session = db.connect().await;
    session.execute("begin isolation level repeatable read; select 1").await.unwrap();
    claim(&db, 1, 0).await;
    session.execute("select jobs.maintain(); commit").await.unwrap();
    assert_eq!(db.one::<i32>("select jobs.sweep()").await, 1);
    assert_eq!(queue(&db).await, ["1:1"]);
}
