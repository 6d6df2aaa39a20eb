//! Publishers and a worker, and what they say of each event.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgjobs::{FollowPrimary, Job, TaskError, Worker, WorkerHandle, follow_primary, task};
use pgjobs_tests::effects::{EFFECTS, each_ended_once, number, publishers};
use pgjobs_tests::until;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;

use crate::cluster::Cluster;

/// When something happened, in order.
type Times = Arc<Mutex<Vec<Instant>>>;

#[derive(Clone, Default)]
struct Runs(Times);

/// Its effect and its end share one transaction.
#[task(name = "patroni.effect", retries = 20)]
async fn effect(
    #[inject] job: &Job,
    #[inject] pool: &PgPool,
    #[inject] runs: &Runs,
    n: i64,
) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    sqlx::query("insert into effect (n) values ($1)").bind(n).execute(&mut *tx).await?;
    job.finish(&mut tx, &()).await?;
    tx.commit().await?;
    runs.0.lock().unwrap().push(Instant::now());
    Ok(())
}

/// Numbers of jobs whose publishing has returned, and when.
type Published = Arc<Mutex<Vec<(i64, Instant)>>>;

pub(crate) struct Load {
    /// Of the publishers.
    pool: PgPool,
    /// Keeps that pool on the primary.
    _follow: FollowPrimary,
    published: Published,
    publishers: JoinSet<()>,
    runs: Runs,
    worker: WorkerHandle,
}

/// What a row of the table says.
pub(crate) struct Outcome {
    pub(crate) published: usize,
    pub(crate) lost: usize,
    /// How long before the event the oldest of the lost was published.
    pub(crate) window: Duration,
    /// The longest time without a publish that returned.
    pub(crate) no_publish: Duration,
    /// The longest time without a run that ended.
    pub(crate) no_run: Duration,
}

fn publish_all(pool: &PgPool, published: &Published) -> JoinSet<()> {
    let (pool, published) = (pool.clone(), published.clone());
    publishers(move |n| {
        let (pool, published) = (pool.clone(), published.clone());
        async move {
            let is_published = effect::publish(&pool, n).await.is_ok();
            if is_published {
                published.lock().unwrap().push((n, Instant::now()));
            }
            is_published
        }
    })
}

fn pool(cluster: &Cluster, primary: usize) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(Duration::from_secs(5));
    pool.connect_lazy_with(cluster.options()[primary].clone())
}

impl Load {
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        let primary = cluster.leader().await.expect("a leader");
        let (of_worker, of_publishers) = (pool(cluster, primary), pool(cluster, primary));
        pgjobs::migrate(&of_worker).await.unwrap();
        sqlx::raw_sql(EFFECTS).execute(&of_worker).await.unwrap();
        let others: Vec<_> = cluster.options();
        let runs = Runs::default();
        let worker = Worker::new(of_worker).topic("patroni.*").state(runs.clone());
        let worker = others.iter().cloned().fold(worker, Worker::fallback);
        let worker = worker.concurrency(4).lease(Duration::from_secs(3)).start().await.unwrap();
        let follow = follow_primary(&of_publishers, others);
        let published = Published::default();
        let publishers = publish_all(&of_publishers, &published);
        let load = Load { pool: of_publishers, _follow: follow, published, publishers, runs, worker };
        load.goes_on().await;
        load
    }

    /// Waits until so many more are published.
    pub(crate) async fn published_more(&self, more: usize) {
        let count = || self.published.lock().unwrap().len();
        let goal = count() + more;
        until("more is published", async || count() >= goal).await;
    }

    /// Waits until 300 more are published and 300 more have run.
    pub(crate) async fn goes_on(&self) {
        let count = || (self.published.lock().unwrap().len(), self.runs.0.lock().unwrap().len());
        let (published, run) = count();
        until("it goes on", async || {
            let now = count();
            now.0 >= published + 300 && now.1 >= run + 300
        })
        .await;
    }

    /// Waits until it goes on, and says what the event that was begun then has done; the load stays.
    pub(crate) async fn after(&self, begun: Instant) -> Outcome {
        self.goes_on().await;
        let published: Vec<(i64, Instant)> = self.published.lock().unwrap().clone();
        let lost = self.lost(&published).await;
        let of_lost = published.iter().filter(|(n, _)| lost.contains(n));
        let window = of_lost.map(|(_, at)| begun.saturating_duration_since(*at)).max().unwrap_or_default();
        let times: Vec<Instant> = published.iter().map(|(_, at)| *at).collect();
        let runs = self.runs.0.lock().unwrap().clone();
        let (no_publish, no_run) = (longest_pause(times, begun), longest_pause(runs, begun));
        Outcome { published: published.len(), lost: lost.len(), window, no_publish, no_run }
    }

    /// Those of which there is neither an open job nor an effect: by the primary, which answers when it is
    /// there.
    async fn lost(&self, published: &[(i64, Instant)]) -> Vec<i64> {
        let all: Vec<i64> = published.iter().map(|(n, _)| *n).collect();
        let lost = "select n.n from unnest($1::int8[]) n(n) where not exists (select from effect e where e.n = n.n)
                      and not exists (select from jobs.job_queue q
                                      where coalesce(q.body->'args'->>0, q.body->'kwargs'->>'n')::int8 = n.n)";
        let answer = Mutex::new(None);
        until("the primary says what is there", async || {
            let lost = sqlx::query_scalar(lost).bind(&all).fetch_all(&self.pool).await.ok();
            *answer.lock().unwrap() = lost;
            answer.lock().unwrap().is_some()
        })
        .await;
        answer.into_inner().unwrap().expect("an answer")
    }

    /// Ends it, and checks that each job that is there has ended once and well, and has its effect once.
    /// Returns how many of those that were published have none: that many were lost.
    pub(crate) async fn end(mut self) -> usize {
        self.publishers.shutdown().await;
        let pool = self.pool.clone();
        until("all have ended", async || number(&pool, "select count(*) from jobs.job_queue").await == 0)
            .await;
        each_ended_once(&pool).await;
        self.worker.shutdown().await;
        let published: Vec<i64> = self.published.lock().unwrap().iter().map(|(n, _)| *n).collect();
        let lost = "select count(*) from unnest($1::int8[]) n(n) where not exists (select from effect e where e.n = n.n)";
        let lost: i64 = sqlx::query_scalar(lost).bind(published).fetch_one(&pool).await.unwrap();
        usize::try_from(lost).unwrap()
    }
}

/// The longest time between two of these, from `begun` on.
fn longest_pause(mut times: Vec<Instant>, begun: Instant) -> Duration {
    times.sort();
    let mut last = begun;
    let mut longest = Duration::ZERO;
    for time in times.into_iter().filter(|time| *time > begun) {
        longest = longest.max(time - last);
        last = time;
    }
    longest
}
