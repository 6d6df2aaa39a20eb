//! How much a call for many jobs saves.

use std::time::{Duration, Instant};

use pgjobs::{TaskError, Worker, task};
use pgjobs_tests::{Db, amount};
use tokio::sync::Mutex;

/// Something that takes one call at a time, and as long for a hundred values as for one.
#[derive(Default)]
struct Index(Mutex<u64>);

impl Index {
    async fn put(&self, values: usize) {
        let mut held = self.0.lock().await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        *held += values as u64;
    }
}

#[task(name = "rate.one")]
async fn one(#[inject] index: &Index, _n: i64) -> Result<(), TaskError> {
    index.put(1).await;
    Ok(())
}

#[task(name = "rate.many", batch = 100, linger = "50ms")]
async fn many(#[inject] index: &Index, #[each] n: Vec<i64>) -> Result<(), TaskError> {
    index.put(n.len()).await;
    Ok(())
}

#[task(name = "free.one")]
async fn free_one(_n: i64) {}

#[task(name = "free.many", batch = 100, linger = "50ms")]
async fn free_many(#[each] _n: Vec<i64>) {}

async fn drain(db: &Db, topic: &str) -> f64 {
    let worker = Worker::new(db.pool.clone()).topic(topic).state(Index::default()).concurrency(100).burst();
    let begun = Instant::now();
    let report = worker.run().await.unwrap();
    report.succeeded as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_for_many_jobs_saves_what_a_call_costs() {
    let (db, jobs) = (Db::new().await, i64::from(amount(2000, 10_000)));
    pgjobs::publish_all(&db.pool, (0..jobs).map(one::new)).await.unwrap();
    pgjobs::publish_all(&db.pool, (0..jobs).map(many::new)).await.unwrap();
    let (alone, together) = (drain(&db, "rate.one").await, drain(&db, "rate.many").await);
    println!("{jobs} jobs of 2 ms a call: one by one {alone:.0}/s, by 100 {together:.0}/s");
    assert!(together > 2.0 * alone, "{together:.0}/s against {alone:.0}/s");
    pgjobs::publish_all(&db.pool, (0..jobs).map(free_one::new)).await.unwrap();
    pgjobs::publish_all(&db.pool, (0..jobs).map(free_many::new)).await.unwrap();
    let (alone, together) = (drain(&db, "free.one").await, drain(&db, "free.many").await);
    println!("{jobs} jobs that do nothing: one by one {alone:.0}/s, by 100 {together:.0}/s");
}
