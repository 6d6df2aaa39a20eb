//! How often jobs start under a rate, by the times in history.

use pgjobs::limits::Limit;
use pgjobs::{TaskError, Worker, WorkerHandle, task};
use pgjobs_tests::{Db, until};

#[task(name = "limits.start")]
async fn start(n: i64) -> Result<(), TaskError> {
    let _ = n;
    Ok(())
}

const RATE: f64 = 100.0;
const BURST: f64 = 20.0;

/// `PGJOBS_LIMITS=long`: for a minute.
fn starts() -> i64 {
    if std::env::var("PGJOBS_LIMITS").is_ok_and(|long| long == "long") { 6_000 } else { 500 }
}

async fn worker(db: &Db) -> WorkerHandle {
    Worker::new(db.pool.clone()).topic("limits.start").concurrency(20).start().await.unwrap()
}

/// The seconds of all starts, in order, from the first one.
async fn times(db: &Db) -> Vec<f64> {
    db.all("select extract(epoch from run_at - min(run_at) over ())::float8 from jobs.job order by run_at")
        .await
}

/// How many more starts than the rate allows any span of time has.
fn most_over(times: &[f64]) -> f64 {
    let (mut most, mut least) = (0.0_f64, f64::INFINITY);
    for (nth, time) in (0_u32..).zip(times) {
        let ahead = f64::from(nth) - RATE * time; // starts before this one, less what the rate brought
        least = least.min(ahead);
        most = most.max(ahead - least + 1.0);
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_start_as_many_as_a_rate_says() {
    let mut under = Vec::new();
    for _ in 0..3 {
        let db = Db::new().await;
        Limit::new("calls").topic("limits.start").rate("100/s").burst(20).save(&db.pool).await.unwrap();
        db.run(&format!("select jobs.publish('limits.start', jsonb_build_object('args', jsonb_build_array(n))) from generate_series(1, {}) n", starts())).await;
        let workers = [worker(&db).await, worker(&db).await, worker(&db).await];
        until("all have run", async || db.one::<i64>("select count(*) from jobs.job").await == starts())
            .await;
        for worker in workers {
            worker.shutdown().await;
        }
        let times = times(&db).await;
        let over = most_over(&times);
        assert!(over <= BURST + 1e-3, "{over} in one burst of {BURST}");
        let full = RATE * times.last().unwrap() + BURST;
        under.push(1.0 - (times.len() as f64) / full);
        println!("at most {over:.2} ahead of the rate, {:.2} % under it", under.last().unwrap() * 100.0);
        if under.last().unwrap() < &0.05 {
            return;
        }
    }
    panic!("under the rate by {under:?} while work waited");
}

/// Of 10,000 keys in order one has a dead job at its head and 5,000 behind it.
#[tokio::test]
async fn a_dead_key_costs_the_claims_of_others_nothing() {
    let db = Db::new().await;
    db.run(r#"select jobs.set_limit('o', 't', '{"key": ["c"], "in_order": true, "on_dead": "hold"}')"#).await;
    let worker = db.worker(&["t"]).await;
    let put = "select jobs.publish_arrays('{t}', (select array_agg(jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object('c', KEY))) from generate_series(1, 5000) n),
         null, null, null, null, null)";
    db.run(&put.replace("KEY", "0")).await;
    let dead = worker.claim(1).await;
    db.settle("fail", &dead.jobs).await;
    while db.one::<bool>("select exists (select from jobs._ready)").await {
        assert!(worker.claim(100).await.is_empty());
    }
    db.run(&put.replace("KEY", "n")).await;
    db.run(&put.replace("KEY", "5000 + n")).await;
    for claim in 1..=100 {
        let claimed = worker.claim(100).await;
        assert_eq!(claimed.len(), 100, "claim {claim}");
        db.settle("success", &claimed.jobs).await;
    }
    assert!(worker.claim(100).await.is_empty());
    db.run("select jobs.check_limits()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where bucket is not null").await, 4999);
}

#[test]
fn what_is_ahead_of_a_rate_is_found() {
    let even: Vec<f64> = (0..100).map(|n| f64::from(n) / RATE).collect();
    assert!((most_over(&even) - 1.0).abs() < 1e-6);
    let burst = [0.0, 0.5, 0.5, 0.5, 0.5];
    assert!((most_over(&burst) - 4.0).abs() < 1e-6);
}
