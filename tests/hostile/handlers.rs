//! Tasks that misbehave: their neighbours end well and the worker goes on.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use pgjobs::{JobState, TaskError, Worker, task};
use pgjobs_tests::{Db, until};

use super::tasks::neighbour;

/// Panics when it goes.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

/// Misbehaves as it is told.
#[task(name = "handler.do", retries = 2, backoff = "fixed(10ms)", timeout = "300ms")]
async fn misbehave(how: String) -> Result<(), TaskError> {
    match how.as_str() {
        "panic" => panic!("at the {}", "disco"),
        "panic with a number" => std::panic::panic_any(42),
        "panic with what panics" => std::panic::panic_any(Grenade),
        "panic in drop" => drop(Grenade),
        "panic in drop when stopped" => {
            let _grenade = Grenade;
            std::future::pending().await
        }
        "never end" => std::future::pending().await,
        "spin" => loop {
            tokio::task::yield_now().await;
        },
        "eat memory" => {
            let eaten = vec![1_u8; 256 << 20];
            return Err(TaskError::new(format!("ate {} MB", eaten.len() >> 20)));
        }
        _ => return Err("what?".into()),
    }
    Ok(())
}

const ENDS: [(&str, &str); 8] = [
    ("panic", "panicked: at the disco"),
    ("panic with a number", "panicked: a value that is no text"),
    ("panic with what panics", "the run ended without an outcome"),
    ("panic in drop", "panicked: in drop"),
    ("panic in drop when stopped", "the run ended without an outcome"),
    ("never end", "timed out after 300ms"),
    ("spin", "timed out after 300ms"),
    ("eat memory", "ate 256 MB"),
];

async fn succeeded(db: &Db) -> i64 {
    db.one("select count(*) from jobs.job where task = 'hostile.neighbour' and status = 'success'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_panic_hang_or_eat_memory_fail_and_others_succeed() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("h*").start().await.unwrap();
    let mut jobs = Vec::new();
    for (how, _) in ENDS {
        jobs.push(misbehave::publish(&db.pool, how.to_owned()).await.unwrap());
        pgjobs::publish_all(&db.pool, (0..50).map(neighbour::new)).await.unwrap();
    }
    for ((how, words), job) in ENDS.iter().zip(jobs) {
        let error = job.wait(&db.pool).await.unwrap_err().to_string();
        assert!(error.ends_with(words), "{how}: {error}");
        let row = job.fetch(&db.pool).await.unwrap();
        assert_eq!((row.state, row.attempt), (JobState::Failed, 2), "{how}");
    }
    until("the neighbours ended", async || succeeded(&db).await == 8 * 50).await;
    worker.shutdown().await;
}

/// Closed until a test opens it.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Opens it also when the test fails: the runtime would wait for the blocked threads for ever.
impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

struct Opens(Gate);

/// Does what no asynchronous function should: keeps its thread.
#[task(name = "block.thread")]
async fn block(#[inject] gate: &Gate) -> Result<(), TaskError> {
    gate.wait();
    Ok(())
}

#[test]
fn beside_tasks_that_block_their_threads_others_go_on_one_by_one() {
    let handlers = runtime(4);
    runtime(2).block_on(async {
        let db = Db::new().await;
        let gate = Gate::default();
        let _opens = Opens(gate.clone());
        let worker = Worker::new(db.pool.clone())
            .topic("block.*")
            .topic("hostile.neighbour")
            .concurrency(8)
            .state(gate.clone());
        let worker = handlers.spawn(worker.start()).await.unwrap().unwrap();
        for blocked in 1..=3 {
            block::publish(&db.pool).await.unwrap();
            let running = "select count(*) from jobs.running where task = 'block.thread'";
            until("it runs", async || db.one::<i64>(running).await == blocked).await;
            for n in 0..100 {
                let job = neighbour::publish(&db.pool, n).await.unwrap();
                job.wait_for(&db.pool, Duration::from_secs(60)).await.unwrap();
            }
        }
        gate.open();
        assert_eq!(worker.shutdown().await.succeeded, 303);
    });
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}
