//! What has ended: numbers, times and errors.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::db;
use crate::db::inspect::EndedLately;
use crate::db::statistics::{ErrorGroup, StatisticsRow, TaskStatistics};
use crate::types::error::Error;
use crate::types::topic::Topic;

/// How many jobs of each task ended in the last `seconds`, 1 to 60, and how: for rates. Cheap on any history,
/// since it reads the end of it and counts at most a few thousand jobs; a task of which none ended is not
/// among them. Jobs that are not kept ([`Keep`](crate::Keep)) are not counted.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for ended in pgjobs::inspect::ended_lately(&pool, 10).await? {
///     println!("{}: {:.1} a second", ended.task, ended.per_second());
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] for another number of seconds.
pub async fn ended_lately(pool: &PgPool, seconds: u32) -> Result<Vec<EndedLately>, Error> {
    db::inspect::ended_lately(&mut *pool.acquire().await?, seconds).await
}

/// What ended under a topic (`None`: any) from a time to now, in about a hundred steps, the oldest first:
/// numbers, and how long the jobs waited and ran. For charts: it reads statistics, not jobs, so a month costs
/// what an hour costs.
///
/// Empty numbers until somebody asked for statistics:
/// [`admin::keep_statistics`](crate::admin::keep_statistics), or a look at the dashboard. The last ten
/// seconds are missing. Kept for 30 days.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, hour_ago: chrono::DateTime<chrono::Utc>) -> Result<(), pgjobs::Error> {
/// for step in pgjobs::inspect::statistics(&pool, None, hour_ago).await? {
///     println!("{}: {} succeeded, {} failed", step.at, step.success, step.failed);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT400` for a time to come, or one more than 400 days ago.
pub async fn statistics(
    pool: &PgPool,
    topic: Option<&Topic>,
    from: DateTime<Utc>,
) -> Result<Vec<StatisticsRow>, Error> {
    let topic = topic.map(Topic::as_str);
    db::statistics::statistics(&mut *pool.acquire().await?, topic, Some(from), None, None).await
}

/// What ended of each task under a topic (`None`: of all) from a time to now, in the order of their names:
/// for a list of tasks. Of each, [`ended`](TaskStatistics::ended) is a small chart. It reads and lacks what
/// [`statistics`] does.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, hour_ago: chrono::DateTime<chrono::Utc>) -> Result<(), pgjobs::Error> {
/// for task in pgjobs::inspect::task_statistics(&pool, None, hour_ago).await? {
///     let slow = task.run.map_or(0.0, |run| run.p99);
///     println!("{}: {} failed, and one of 100 took {slow:.1} s or more", task.task, task.failed);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`statistics`].
pub async fn task_statistics(
    pool: &PgPool,
    topic: Option<&Topic>,
    from: DateTime<Utc>,
) -> Result<Vec<TaskStatistics>, Error> {
    let topic = topic.map(Topic::as_str);
    db::statistics::of_tasks(&mut *pool.acquire().await?, topic, Some(from), None).await
}

/// The errors of failed jobs that ended since a time, grouped by what they have in common, the largest groups
/// first, at most `limit`; among the newest 100,000 failed jobs. For administrators: errors may have
/// arguments in them.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, yesterday: chrono::DateTime<chrono::Utc>) -> Result<(), pgjobs::Error> {
/// for group in pgjobs::inspect::errors(&pool, None, yesterday, 10).await? {
///     println!("{} × {}: {}", group.jobs, group.task, group.error);
/// }
/// # Ok(()) }
/// ```
pub async fn errors(
    pool: &PgPool,
    topic: Option<&Topic>,
    since: DateTime<Utc>,
    limit: u16,
) -> Result<Vec<ErrorGroup>, Error> {
    let topic = topic.map(Topic::as_str);
    db::statistics::errors(&mut *pool.acquire().await?, topic, Some(since), i32::from(limit), 100_000).await
}
