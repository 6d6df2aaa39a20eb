//! Jobs whose effect, a row of table `effect`, and whose end share one transaction: publishers of them, and
//! whether each that is there has its effect once.

use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinSet;

/// The table of the effects, one number for each.
pub const EFFECTS: &str = "create table effect (n bigint not null)";

/// Publishes jobs with increasing numbers, four at a time, until the set is dropped or shut down. `publish` says
/// whether it returned well. A number that failed may have been published all the same, and is not tried again.
pub fn publishers<F>(publish: impl Fn(i64) -> F + Clone + Send + Sync + 'static) -> JoinSet<()>
where
    F: Future<Output = bool> + Send,
{
    let mut publishers = JoinSet::new();
    for publisher in 0..4 {
        let publish = publish.clone();
        publishers.spawn(async move {
            for n in (publisher..).step_by(4) {
                if !publish(n).await {
                    tokio::time::sleep(Duration::from_millis(10)).await; // there is no primary now
                }
            }
        });
    }
    publishers
}

/// The number that a query returns; -1 where nobody answers.
pub async fn number(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap_or(-1)
}

/// Checks that every job that is there ended once and well, and that so often its effect is there.
pub async fn each_ended_once(pool: &PgPool) {
    assert_eq!(number(pool, "select count(*) from jobs.job where status <> 'success'").await, 0);
    let twice = "select count(*) - count(distinct job_id) from jobs.job";
    assert_eq!(number(pool, twice).await, 0, "none twice");
    assert_eq!(number(pool, "select count(*) - count(distinct n) from effect").await, 0, "no effect twice");
    let (jobs, effects) = ("select count(*) from jobs.job", "select count(*) from effect");
    assert_eq!(number(pool, jobs).await, number(pool, effects).await);
}
