//! Functions that run several jobs at once: what they take and return.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgjobs::{Job, Jobs, TaskError, sqlx, task};

#[task(batch = 100, linger = "50ms")]
pub async fn nothing(#[each] n: Vec<i64>) {
    let _ = n;
}

#[task(batch = 1)]
pub async fn all_alike(#[each] n: Vec<i64>) -> Result<(), std::io::Error> {
    let _ = n;
    Ok(())
}

#[task(batch = 1000, linger = 0)]
pub async fn one_each(#[each] n: Vec<i64>) -> Vec<Result<i64, TaskError>> {
    n.into_iter().map(Ok).collect()
}

#[task(batch = 10)]
pub async fn each_or_all(
    #[inject] jobs: &Jobs,
    #[each] n: std::vec::Vec<i64>,
    #[each]
    #[default("en")]
    locale: Vec<String>,
    #[each] note: Vec<Option<String>>,
    #[each]
    #[kwargs]
    rest: Vec<BTreeMap<String, String>>,
    #[inject] pool: sqlx::PgPool,
) -> Result<Vec<Result<String, String>>, sqlx::Error> {
    let first: Option<&Arc<Job>> = jobs.first();
    let _ = (first, locale, note, rest, pool);
    Ok(n.iter().map(|n| Err(n.to_string())).collect())
}

#[task(batch = 10)]
pub async fn woken(#[inject] jobs: &Jobs) {
    for job in jobs {
        let _ = job.id();
    }
}

pub async fn publishes(pool: &sqlx::PgPool) -> Result<(), pgjobs::Error> {
    let job = one_each::publish(pool, 7).await?;
    let _: i64 = job.wait(pool).await?;
    let call = each_or_all::new(7).locale("pt").note("new");
    pgjobs::Task::publish(call, pool).await?;
    woken::publish(pool).await?;
    Ok(())
}
