//! The batch handlers of these tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgjobs::{Jobs, TaskError, Worker, sqlx::PgPool, task};
use pgjobs_tests::Db;
use tokio::sync::Semaphore;

/// The values of each call, in the order of the calls.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Vec<i64>>>>);

impl Calls {
    fn note(&self, values: &[i64]) {
        self.0.lock().unwrap().push(values.to_vec());
    }

    /// The values of each call, sorted within it: claims may bring jobs in another order.
    pub(crate) fn seen(&self) -> Vec<Vec<i64>> {
        let mut calls = self.0.lock().unwrap().clone();
        calls.iter_mut().for_each(|values| values.sort_unstable());
        calls
    }

    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.seen().iter().map(Vec::len).collect()
    }
}

/// A worker with the states of these tasks.
pub(crate) fn worker(db: &Db, topic: &str, calls: &Calls) -> Worker {
    let gate = Arc::new(Semaphore::new(0));
    Worker::new(db.pool.clone())
        .topic(topic)
        .concurrency(50)
        .poll(Duration::from_millis(50))
        .state(calls.clone())
        .state(gate)
}

/// How one value ends.
fn doubled(n: i64) -> Result<i64, TaskError> {
    match n {
        -1 => Err(TaskError::new("below zero").retry_in(Duration::from_millis(10))),
        -2 => Err(TaskError::fatal("two below zero")),
        -3 => Err(TaskError::snooze(Duration::from_secs(3600))),
        _ => Ok(n * 2),
    }
}

/// Doubles, or fails as its value says; waits a moment for others.
#[task(name = "many.double", batch = 20, linger = "300ms")]
pub(crate) async fn double(#[inject] calls: &Calls, #[each] n: Vec<i64>) -> Vec<Result<i64, TaskError>> {
    calls.note(&n);
    n.into_iter().map(doubled).collect()
}

/// Waits for five jobs, however long that takes.
#[task(name = "many.five", batch = 5, linger = "60s")]
pub(crate) async fn five(#[inject] calls: &Calls, #[each] n: Vec<i64>) {
    calls.note(&n);
}

/// The value at which a call of `whole` fails.
pub(crate) const POISON: i64 = 13;

/// Fails as a whole, in the way that its arguments say, when one of them is the poison.
#[task(name = "many.whole", batch = 5, linger = "60s", retries = 2, backoff = "fixed(10ms)", timeout = "2s")]
pub(crate) async fn whole(
    #[inject] calls: &Calls,
    #[each] n: Vec<i64>,
    #[each] how: Vec<String>,
) -> Result<Vec<Result<i64, TaskError>>, TaskError> {
    calls.note(&n);
    let mut results: Vec<_> = n.iter().map(|n| Ok(*n)).collect();
    if n.contains(&POISON) {
        match how[0].as_str() {
            "error" => return Err(TaskError::new("the index is locked")),
            "fatal" => return Err(TaskError::fatal("the index is gone")),
            "panic" => panic!("at the disco"),
            "hang" => std::future::pending().await,
            "short" => {
                results.pop();
            }
            other => return Err(TaskError::fatal(format!("{other}?"))),
        }
    }
    Ok(results)
}

/// Snoozes whatever it is given, as a whole.
#[task(name = "many.closed", batch = 3, linger = "60s")]
pub(crate) async fn closed(#[inject] calls: &Calls, #[each] n: Vec<i64>) -> Result<(), TaskError> {
    calls.note(&n);
    Err(TaskError::snooze(Duration::from_secs(3600)))
}

/// Waits until it is let through.
#[task(name = "many.gated", batch = 3, linger = "60s", timeout = "60s")]
pub(crate) async fn gated(
    #[inject] calls: &Calls,
    #[inject] gate: &Arc<Semaphore>,
    #[each] n: Vec<i64>,
) -> Result<Vec<Result<i64, TaskError>>, TaskError> {
    calls.note(&n);
    gate.acquire().await?.forget();
    Ok(n.into_iter().map(Ok).collect())
}

/// Says which job each of its values came with.
#[task(name = "many.named", batch = 3, linger = "60s")]
pub(crate) async fn named(#[inject] jobs: &Jobs, #[each] n: Vec<i64>) -> Vec<Result<String, TaskError>> {
    let of = |(job, n): (&Arc<pgjobs::Job>, i64)| Ok(format!("{n} {} {}", job.id(), job.attempt()));
    jobs.iter().zip(n).map(of).collect()
}

/// Writes all of its values and ends all of its jobs in one transaction.
#[task(name = "many.entered", batch = 3, linger = "60s")]
pub(crate) async fn entered(
    #[inject] pool: &PgPool,
    #[inject] jobs: &Jobs,
    #[each] n: Vec<i64>,
) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    sqlx::query("insert into entry (n) select unnest($1::bigint[])").bind(&n).execute(&mut *tx).await?;
    for job in jobs {
        job.finish(&mut tx, &()).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// One by one, beside the others.
#[task(name = "single.plain")]
pub(crate) async fn plain(n: i64) -> Result<i64, TaskError> {
    Ok(n)
}
