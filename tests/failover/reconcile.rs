//! What a worker holds when the primary changes: what it runs it goes on with, and what it has ended, unknown to
//! the new primary, runs again at once. Not after a job's timeout, which is an hour here.

use std::sync::Arc;
use std::time::Duration;

use pgjobs::{JobHandle, TaskError, Worker, WorkerHandle, task};
use pgjobs_tests::{Cluster, until};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::Semaphore;

struct Door(Arc<Semaphore>);

/// Has one run only: a run that is charged as lost fails it.
#[task(name = "held.wait", retries = 1, timeout = "1h")]
async fn wait(#[inject] door: &Door, n: i64) -> Result<i64, TaskError> {
    door.0.acquire().await.map_err(TaskError::new)?.forget();
    Ok(n)
}

struct Scene {
    cluster: Cluster,
    pool: PgPool,
    door: Arc<Semaphore>,
    worker: WorkerHandle,
}

impl Scene {
    async fn start(slots: usize) -> Self {
        let cluster = Cluster::start().await;
        let [primary, standby] = cluster.options();
        let pool = PgPoolOptions::new().connect_lazy_with(primary);
        let door = Arc::new(Semaphore::new(0));
        let worker = Worker::new(pool.clone()).topic("held.*").fallback(standby).state(Door(door.clone()));
        let worker = worker.concurrency(slots).lease(Duration::from_secs(3)).start().await.unwrap();
        Scene { cluster, pool, door, worker }
    }

    /// Publishes jobs, and waits until they run and the standby knows.
    async fn running(&self, jobs: i64) -> Vec<JobHandle<i64>> {
        let handles = pgjobs::publish_all(&self.pool, (0..jobs).map(wait::new)).await.unwrap();
        until("the standby knows that they run", async || {
            number(&self.cluster.other, "select count(*) from jobs.running").await == jobs
        })
        .await;
        handles
    }

    async fn ended(&self, handles: Vec<JobHandle<i64>>) {
        for handle in handles {
            handle.wait_for(&self.cluster.other, Duration::from_secs(120)).await.unwrap();
        }
    }
}

async fn number(pool: &PgPool, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(pool).await.unwrap_or(-1)
}

#[tokio::test]
async fn jobs_whose_end_a_failover_lost_run_again_at_once_and_uncharged() {
    // Two of four slots stay busy, so that the worker is held by nothing but what it runs.
    let scene = Scene::start(4).await;
    let handles = scene.running(4).await;
    scene.cluster.cut(&scene.pool).await;
    scene.door.add_permits(2);
    until("two have ended on the old primary", async || {
        number(&scene.pool, "select count(*) from jobs.job where status = 'success'").await == 2
    })
    .await;
    scene.cluster.fail_over().await;
    until("they run again on the new one", async || {
        number(&scene.cluster.other, "select count(*) from jobs.running where attempt = 2").await == 2
    })
    .await;
    scene.door.add_permits(4);
    scene.ended(handles).await;
    let ended = |attempt| {
        format!(
            "select count(*) from jobs.job where status = 'success' and retries = 0 and attempt = {attempt}"
        )
    };
    assert_eq!(
        number(&scene.cluster.other, &ended(1)).await,
        2,
        "what ran went on, and its end was accepted"
    );
    assert_eq!(number(&scene.cluster.other, &ended(2)).await, 2);
    assert_eq!(scene.worker.shutdown().await.lost, 0);
}

#[tokio::test]
async fn a_worker_without_a_free_slot_reconciles_all_the_same() {
    let scene = Scene::start(2).await;
    let mut handles = scene.running(2).await;
    scene.cluster.cut(&scene.pool).await;
    scene.door.add_permits(1);
    until("one has ended on the old primary", async || {
        number(&scene.pool, "select count(*) from jobs.job").await == 1
    })
    .await;
    // Nobody will ever hear of this one again, but it keeps the worker busy.
    wait::publish(&scene.pool, 2).await.unwrap();
    until("it runs", async || number(&scene.pool, "select count(*) from jobs.running").await == 2).await;
    scene.cluster.fail_over().await;
    until("the one that ended is pending again", async || {
        number(&scene.cluster.other, "select count(*) from jobs.job_queue where run_at is null").await == 1
    })
    .await;
    scene.door.add_permits(4);
    scene.ended(std::mem::take(&mut handles)).await;
    assert_eq!(scene.worker.shutdown().await.lost, 1, "the outcome on a job that is not there");
}
