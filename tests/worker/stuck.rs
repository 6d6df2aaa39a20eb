//! A runtime that does not run what it is given, or is gone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pgjobs::{End, Job, TaskError, Worker, WorkerHandle, task};
use pgjobs_tests::{Db, until};
use sqlx::PgPool;
use tokio::runtime::Runtime;

use crate::tasks::add;

const LEASE: Duration = Duration::from_secs(2);

static BLOCKED: AtomicUsize = AtomicUsize::new(0);

/// Blocks its thread in its first run for as long as it is told.
#[task(name = "stuck.block", timeout = "1s", retries = 3)]
async fn block(#[inject] job: &Job, millis: u64) -> Result<(), TaskError> {
    if job.retries() == 0 {
        BLOCKED.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(millis));
    }
    Ok(())
}

/// Waits for a moment, once for the whole lot.
#[task(name = "stuck.once", retries = 1)]
async fn once(#[inject] job: &Job) -> Result<i32, TaskError> {
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(job.attempt())
}

/// A worker on a runtime of its own thread, which does with both what it is told.
fn on_its_own_thread(
    db: &Db,
    topic: &'static str,
    then: impl FnOnce(Runtime, WorkerHandle) + Send + 'static,
) -> impl Future<Output = ()> {
    let (started, has_started) = mpsc::channel();
    let options = db.options();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pool = runtime.block_on(PgPool::connect_with(options)).unwrap();
        let worker = Worker::new(pool).topic(topic).concurrency(8).lease(LEASE);
        let handle = runtime.block_on(worker.start()).unwrap();
        started.send(()).unwrap();
        then(runtime, handle);
    });
    async { tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap() }
}

#[tokio::test]
async fn jobs_of_a_runtime_that_nobody_drives_run_elsewhere() {
    let db = Db::new().await;
    let (end, ends) = mpsc::channel::<()>();
    on_its_own_thread(&db, "math.*", move |runtime, handle| {
        let _ = ends.recv();
        drop((handle, runtime));
    })
    .await;
    let jobs = pgjobs::publish_all(&db.pool, (0..100).map(add::new)).await.unwrap();
    until("the stuck worker has some", async || db.one::<i64>("select count(*) from jobs.running").await > 0)
        .await;
    let begun = Instant::now();
    let healthy = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    for job in jobs {
        job.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap();
    }
    assert!(begun.elapsed() < 2 * LEASE + Duration::from_secs(2), "{:?}", begun.elapsed());
    let charged: i64 = db.one("select count(*) from jobs.job where retries > 0").await;
    assert_eq!(charged, 0, "jobs that never began were charged");
    healthy.shutdown().await;
    drop(end);
}

#[tokio::test]
async fn what_a_task_blocks_runs_elsewhere_within_its_timeout_and_the_lease() {
    let db = Db::new().await;
    on_its_own_thread(&db, "stuck.block", |runtime, handle| {
        runtime.block_on(handle.wait());
    })
    .await;
    let blocking = block::publish(&db.pool, 15_000).await.unwrap();
    until("it blocks", async || BLOCKED.load(Ordering::SeqCst) > 0).await;
    let begun = Instant::now();
    let others = pgjobs::publish_all(&db.pool, (0..30).map(|_| block::new(0))).await.unwrap();
    let healthy = Worker::new(db.pool.clone()).topic("stuck.block").start().await.unwrap();
    for job in others {
        job.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap();
    }
    blocking.wait_for(&db.pool, Duration::from_secs(20)).await.unwrap();
    let promised = Duration::from_secs(1) + LEASE + Duration::from_secs(2);
    assert!(begun.elapsed() < promised, "{:?}", begun.elapsed());
    assert_eq!(
        db.one::<i64>("select sum(retries) from jobs.job").await,
        1,
        "only the run that blocked was charged"
    );
    healthy.shutdown().await;
}

#[tokio::test]
async fn jobs_of_a_runtime_that_is_dropped_are_released_uncharged() {
    let db = Db::new().await;
    on_its_own_thread(&db, "stuck.once", |runtime, handle| {
        runtime.block_on(tokio::time::sleep(Duration::from_millis(300)));
        drop(runtime);
        drop(handle);
    })
    .await;
    let jobs = pgjobs::publish_all(&db.pool, (0..40).map(|_| once::new())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await; // beyond the life of that runtime
    let healthy = Worker::new(db.pool.clone()).topic("stuck.once").concurrency(64).start().await.unwrap();
    for job in jobs {
        job.wait_for(&db.pool, Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status <> 'success'").await, 0);
    healthy.shutdown().await;
}

#[tokio::test]
async fn a_worker_whose_part_ended_says_that_it_broke() {
    let db = Db::new().await;
    let (give, given) = tokio::sync::oneshot::channel();
    on_its_own_thread(&db, "math.*", move |runtime, handle| {
        drop(runtime);
        let _ = give.send(handle);
    })
    .await;
    let report = given.await.unwrap().wait().await;
    assert_eq!(report.end, End::Broken, "{report:?}");
    let healthy = Worker::new(db.pool.clone()).topic("math.*").start().await.unwrap();
    assert_eq!(healthy.shutdown().await.end, End::Orderly);
}
