//! Under load: what is kept, and what is lost.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgjobs::{Job, TaskError, Worker, task};
use pgjobs_tests::effects::{EFFECTS, each_ended_once, number, publishers};
use pgjobs_tests::{Cluster, until};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;

/// Its effect and its end share one transaction.
#[task(name = "failover.effect", retries = 20)]
async fn effect(#[inject] job: &Job, #[inject] pool: &PgPool, n: i64) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    sqlx::query("insert into effect (n) values ($1)").bind(n).execute(&mut *tx).await?;
    job.finish(&mut tx, &()).await?;
    tx.commit().await?;
    Ok(())
}

/// Numbers of jobs whose publishing has returned.
type Published = Arc<Mutex<Vec<i64>>>;

fn publish_all(pool: &PgPool, published: &Published) -> JoinSet<()> {
    let (pool, published) = (pool.clone(), published.clone());
    publishers(move |n| {
        let (pool, published) = (pool.clone(), published.clone());
        async move {
            let is_published = effect::publish(&pool, n).await.is_ok();
            if is_published {
                published.lock().unwrap().push(n);
            }
            is_published
        }
    })
}

struct Load {
    cluster: Cluster,
    pool: PgPool,
    published: Published,
    publishers: JoinSet<()>,
    worker: pgjobs::WorkerHandle,
}

impl Load {
    async fn start(synchronous: bool) -> Self {
        let cluster = Cluster::start().await;
        let [primary, standby] = cluster.options();
        let pool = PgPoolOptions::new().max_connections(20).connect_lazy_with(primary);
        sqlx::raw_sql(EFFECTS).execute(&pool).await.unwrap();
        if synchronous {
            cluster.be_synchronous(&pool).await;
        }
        let worker = Worker::new(pool.clone()).topic("failover.*").fallback(standby);
        let worker = worker.concurrency(8).lease(Duration::from_secs(3)).start().await.unwrap();
        let published = Published::default();
        let publishers = publish_all(&pool, &published);
        Load { cluster, pool, published, publishers, worker }
    }

    fn published(&self) -> usize {
        self.published.lock().unwrap().len()
    }

    async fn published_more(&self, more: usize) {
        let goal = self.published() + more;
        until("more is published", async || self.published() >= goal).await;
    }

    /// Returns what was published in all, once all jobs that the new primary has have ended, and how long that took.
    async fn end(mut self) -> (Cluster, Vec<i64>, Duration) {
        let begun = Instant::now();
        self.published_more(500).await;
        self.publishers.shutdown().await;
        let other = self.cluster.other.clone();
        until("all have ended", async || number(&other, "select count(*) from jobs.job_queue").await == 0)
            .await;
        let took = begun.elapsed();
        self.worker.shutdown().await;
        let published = self.published.lock().unwrap().clone();
        (self.cluster, published, took)
    }
}

async fn missing(pool: &PgPool, published: &[i64]) -> Vec<i64> {
    let missing = "select n from unnest($1::int8[]) n where n not in (select n from effect)";
    sqlx::query_scalar(missing).bind(published).fetch_all(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_synchronous_standby_nothing_that_was_published_is_lost() {
    let load = Load::start(true).await;
    load.published_more(1000).await;
    load.cluster.fail_over().await;
    let (cluster, published, took) = load.end().await;
    assert_eq!(missing(&cluster.other, &published).await, Vec::<i64>::new());
    each_ended_once(&cluster.other).await;
    println!("{} published, none lost; all ended {took:?} after the promotion", published.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_asynchronous_standby_only_what_it_had_not_received_is_lost() {
    let load = Load::start(false).await;
    load.published_more(1000).await;
    let received = load.published.lock().unwrap().clone();
    load.cluster.cut(&load.pool).await;
    load.published_more(500).await;
    load.cluster.fail_over().await;
    let (cluster, published, took) = load.end().await;
    let lost = missing(&cluster.other, &published).await;
    assert!(missing(&cluster.other, &received).await.is_empty(), "what the standby had is there");
    assert!(lost.len() >= 500, "what it never had cannot be: {}", lost.len());
    each_ended_once(&cluster.other).await;
    println!(
        "{} published, {} of them lost; all ended {took:?} after the promotion",
        published.len(),
        lost.len()
    );
}
