//! Many workers that have nothing to do, and one job.

use std::time::{Duration, Instant};

use pgjobs::{Worker, WorkerHandle};
use pgjobs_tests::Db;

use crate::tasks::{Gate, add, pass};

const WORKERS: usize = 24;

async fn many(worker: impl Fn() -> Worker) -> Vec<WorkerHandle> {
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(worker().start().await.unwrap());
    }
    tokio::time::sleep(Duration::from_secs(6)).await; // by then each has counted the others
    workers
}

async fn claims(db: &Db) -> i64 {
    // What a session did is known a second later.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    db.one("select sum(calls)::bigint from pg_stat_user_functions where schemaname = 'jobs' and funcname = 'claim'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_job_wakes_a_few_of_many_and_is_picked_up_at_once() {
    let db = Db::new().await;
    let name: String = db.one("select current_database()::text").await;
    db.run(&format!("alter database {name} set track_functions = 'pl'")).await;
    let workers = many(|| Worker::new(db.pool.clone()).topic("math.*").concurrency(2)).await;

    let idle = (claims(&db).await, Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let busy = (claims(&db).await, Instant::now());
    let mut waits = Vec::new();
    for n in 0..60 {
        let published = Instant::now();
        add::publish(&db.pool, n).await.unwrap().wait(&db.pool).await.unwrap();
        waits.push(published.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = (claims(&db).await, Instant::now());
    waits.sort_unstable();
    let rate = (busy.0 - idle.0) as f64 / (busy.1 - idle.1).as_secs_f64();
    let own = (ended.0 - busy.0) as f64 - rate * (ended.1 - busy.1).as_secs_f64();
    println!(
        "{:.1} claims a job beside {rate:.0}/s; half within {:?}, all {:?}",
        own / 60.0,
        waits[30],
        waits[59]
    );
    assert!(own / 60.0 < 10.0, "{:.1} claims for each job", own / 60.0);
    assert!(waits[30] < Duration::from_millis(300), "{:?}", waits[30]);
    for worker in workers {
        worker.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_wakes_as_many_as_it_needs() {
    let db = Db::new().await;
    let gate = Gate::new();
    let long = Duration::from_secs(30);
    let worker =
        || Worker::new(db.pool.clone()).topic("gate.*").concurrency(1).poll(long).state(gate.clone());
    let workers = many(worker).await;
    let published = Instant::now();
    pgjobs::publish_all(&db.pool, (0..).map(pass::new).take(WORKERS)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), gate.entered(WORKERS)).await.expect("all have one");
    println!("{WORKERS} workers have one job each after {:?}", published.elapsed());
    gate.door.add_permits(WORKERS);
    for worker in workers {
        worker.shutdown().await;
    }
}
