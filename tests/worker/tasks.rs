//! The tasks of these tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pgjobs::{Job, TaskError, task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::sync::{Notify, Semaphore};

/// Adds.
#[task(name = "math.add", aliases = ["sum.add"])]
pub(crate) async fn add(a: i64, #[default(10)] b: i64) -> Result<i64, TaskError> {
    Ok(a + b)
}

/// Writes down that it ran: a row for each run, in a table of the test.
#[task(name = "mark.run")]
pub(crate) async fn mark(#[inject] pool: &PgPool, n: i64) -> Result<(), TaskError> {
    sqlx::query("insert into runs (n) values ($1)").bind(n).execute(pool).await?;
    Ok(())
}

/// Fails as often as it is told, then succeeds.
#[task(name = "fail.times", retries = 5, backoff = "fixed(10ms)")]
pub(crate) async fn flaky(#[inject] job: &Job, times: i32) -> Result<i32, TaskError> {
    if job.retries() < times {
        return Err(format!("failure {}", job.retries() + 1).into());
    }
    Ok(job.attempt())
}

/// Fails in the way it is told.
#[task(name = "fail.how", retries = 2, backoff = "fixed(10ms)", timeout = "200ms")]
pub(crate) async fn fail(how: String) -> Result<(), TaskError> {
    match how.as_str() {
        "fatal" => Err(TaskError::fatal("never again")),
        "panic" => panic!("at the {}", "disco"),
        "hang" => std::future::pending().await,
        "retry_in" => Err(TaskError::new("later").retry_in(Duration::from_secs(3600))),
        "snooze" => Err(TaskError::snooze(Duration::from_secs(3600))),
        "snooze for ever" => Err(TaskError::snooze(Duration::MAX)),
        other => Err(TaskError::new(other)),
    }
}

#[derive(Serialize, Deserialize, JsonSchema, Debug, PartialEq, Clone)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) lines: Vec<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema, Debug, PartialEq, Clone)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) count: u32,
}

/// Takes and returns a nested value.
#[task(name = "shop.ship")]
pub(crate) async fn ship(order: Order, express: Option<bool>) -> Result<Order, TaskError> {
    let _ = express;
    Ok(order)
}

/// A door that the test opens: runs wait at it, and are counted.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) entered: Arc<AtomicUsize>,
    pub(crate) most: Arc<AtomicUsize>,
    inside: Arc<AtomicUsize>,
    pub(crate) arrival: Arc<Notify>,
    pub(crate) door: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Gate {
            entered: Arc::default(),
            most: Arc::default(),
            inside: Arc::default(),
            arrival: Arc::default(),
            door: Arc::new(Semaphore::new(0)),
        }
    }

    /// Waits until so many runs have entered.
    pub(crate) async fn entered(&self, runs: usize) {
        loop {
            let arrival = self.arrival.notified();
            if self.entered.load(Ordering::SeqCst) >= runs {
                return;
            }
            arrival.await;
        }
    }

    pub(crate) async fn pass(&self) {
        self.entered.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(self.inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let leaving = Leaving(&self.inside);
        self.arrival.notify_one();
        self.door.acquire().await.expect("the door is never closed").forget();
        drop(leaving);
    }
}

struct Leaving<'g>(&'g AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits at the test's gate.
#[task(name = "gate.pass", timeout = "60s")]
pub(crate) async fn pass(#[inject] gate: &Gate, n: i64) -> Result<i64, TaskError> {
    gate.pass().await;
    Ok(n)
}

/// Transfers in a transaction of its own, and ends its job in it.
#[task(name = "bank.transfer", backoff = "fixed(10ms)", retries = 3)]
pub(crate) async fn transfer(
    #[inject] pool: &PgPool,
    #[inject] job: &Job,
    amount: i64,
    roll_back: bool,
) -> Result<i64, TaskError> {
    let mut tx = pool.begin().await?;
    sqlx::query("insert into entry (job, amount) values ($1, $2)")
        .bind(job.id().as_str())
        .bind(amount)
        .execute(&mut *tx)
        .await?;
    job.finish(&mut tx, &amount).await?;
    if roll_back {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(amount)
}

/// Ends its job in a transaction of its own, and then returns an error.
#[task(name = "late.kept", retries = 1)]
pub(crate) async fn late_error(#[inject] pool: &PgPool, #[inject] job: &Job) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    job.finish(&mut tx, &()).await?;
    tx.commit().await?;
    Err("too late".into())
}

/// The same; of its ended jobs none is kept.
#[task(name = "late.unkept", keep = "none", retries = 1)]
pub(crate) async fn late_error_unkept(#[inject] pool: &PgPool, #[inject] job: &Job) -> Result<(), TaskError> {
    late_error(pool, job).await
}

/// Publishes others.
#[task(name = "tree.grow")]
pub(crate) async fn grow(#[inject] pool: &PgPool, depth: u32) -> Result<(), TaskError> {
    if depth > 0 {
        pgjobs::publish_all(pool, [grow::new(depth - 1), grow::new(depth - 1)]).await?;
    }
    Ok(())
}

/// Its ended jobs are all kept: nothing else is said.
#[task(name = "keep.all", retries = 2, backoff = "fixed(10ms)")]
pub(crate) async fn keep_all(#[inject] gate: &Gate, fails: bool) -> Result<(), TaskError> {
    gate.pass().await;
    if fails { Err("as told".into()) } else { Ok(()) }
}

/// Of its ended jobs the failed ones are kept.
#[task(name = "keep.failed", keep = "failed", retries = 2, backoff = "fixed(10ms)")]
pub(crate) async fn keep_failed(#[inject] gate: &Gate, fails: bool) -> Result<(), TaskError> {
    keep_all(gate, fails).await
}

/// Of its ended jobs none is kept.
#[task(name = "keep.none", keep = "none", retries = 2, backoff = "fixed(10ms)")]
pub(crate) async fn keep_none(#[inject] gate: &Gate, fails: bool) -> Result<(), TaskError> {
    keep_all(gate, fails).await
}

/// Ends its job in a transaction of its own; failed ones are kept.
#[task(name = "keep.failed_itself", keep = "failed", retries = 1)]
pub(crate) async fn keep_failed_itself(
    #[inject] pool: &PgPool,
    #[inject] gate: &Gate,
    #[inject] job: &Job,
    roll_back: bool,
) -> Result<(), TaskError> {
    gate.pass().await;
    let mut tx = pool.begin().await?;
    job.finish(&mut tx, &()).await?;
    if roll_back {
        tx.rollback().await?
    } else {
        tx.commit().await?
    }
    Ok(())
}
