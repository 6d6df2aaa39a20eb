//! The tasks of these tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use pgjobs::{Job, Shards, TaskError, task};
use pgjobs_tests::Db;
use sqlx::PgPool;
use tokio::sync::Semaphore;

/// Counts how many runs there are at once.
#[derive(Clone)]
pub(crate) struct Busy {
    now: Arc<AtomicUsize>,
    pub(crate) most: Arc<AtomicUsize>,
    /// Closed at first, where a task waits for it.
    pub(crate) door: Arc<Semaphore>,
}

impl Busy {
    pub(crate) fn new() -> Self {
        Busy { now: Arc::default(), most: Arc::default(), door: Arc::new(Semaphore::new(0)) }
    }

    fn enter(&self) -> Inside<'_> {
        self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
        Inside(self)
    }

    pub(crate) fn now(&self) -> usize {
        self.now.load(SeqCst)
    }
}

struct Inside<'b>(&'b Busy);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, SeqCst);
    }
}

/// Takes its time.
#[task(name = "busy.sleep")]
pub(crate) async fn sleep(#[inject] busy: &Busy, millis: u64) -> Result<(), TaskError> {
    let _inside = busy.enter();
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Waits at the door.
#[task(name = "busy.wait")]
pub(crate) async fn wait(#[inject] busy: &Busy, n: u64) -> Result<u64, TaskError> {
    let _inside = busy.enter();
    busy.door.acquire().await.expect("open").forget();
    Ok(n)
}

/// Takes its time, and writes down once that it ran: in the transaction that ends its job.
#[task(name = "once.mark", retries = 20, backoff = "fixed(50ms)")]
pub(crate) async fn once(
    #[inject] job: &Job,
    #[inject] pool: &PgPool,
    n: i64,
    millis: u64,
) -> Result<(), TaskError> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let mut tx = pool.begin().await?;
    sqlx::query("insert into runs (n) values ($1)").bind(n).execute(&mut *tx).await?;
    job.finish(&mut tx, &()).await?;
    tx.commit().await?;
    Ok(())
}

/// Runs once at most: what is prefetched of it does not start before the database has recorded that.
#[task(name = "last.run", retries = 1)]
pub(crate) async fn last_run(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Publishes the next one at the other of two servers.
#[task(name = "hop.on")]
pub(crate) async fn hop(#[inject] shards: &Shards, left: u32) -> Result<(), TaskError> {
    if left > 0 {
        let to = if left.is_multiple_of(2) { "a" } else { "b" };
        let pool = shards.get(to).expect("a server of this name");
        tokio::time::sleep(Duration::from_millis(20)).await;
        hop::publish(pool, left - 1).await?;
    }
    Ok(())
}

/// So many databases.
pub(crate) async fn databases<const N: usize>() -> [Db; N] {
    let mut all = Vec::new();
    for _ in 0..N {
        all.push(Db::new().await);
    }
    all.try_into().unwrap_or_else(|_| unreachable!())
}

pub(crate) async fn ended(db: &Db) -> i64 {
    db.one("select count(*) from jobs.job where status = 'success'").await
}
