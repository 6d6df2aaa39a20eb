//! Waits for many jobs.

use futures_util::stream::{FuturesUnordered, Stream};
use futures_util::{StreamExt, future};
use serde::de::DeserializeOwned;
use sqlx::PgPool;

use super::handle::JobHandle;
use crate::types::error::Error;

/// Waits until all of these jobs have ended, and returns their results in the order of the handles.
///
/// It waits as [`JobHandle::wait`] does: with one connection for all waits of this process, and one query for
/// all jobs.
///
/// ```no_run
/// use pgjobs::{TaskError, task};
///
/// #[task]
/// async fn square(n: i64) -> Result<i64, TaskError> { Ok(n * n) }
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let jobs = pgjobs::publish_all(&pool, (1..=3).map(square::new)).await?;
/// assert_eq!(pgjobs::wait_all(&pool, &jobs).await?, [1, 4, 9]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`JobHandle::wait`], of the first job of which it is known; the others go on. [`results`] goes on with
/// those that succeed.
pub async fn wait_all<'h, R: DeserializeOwned + 'h>(
    pool: &PgPool,
    handles: impl IntoIterator<Item = &'h JobHandle<R>>,
) -> Result<Vec<R>, Error> {
    future::try_join_all(handles.into_iter().map(|handle| handle.wait(pool))).await
}

/// The results of these jobs as they end, each with its handle: the first one first.
///
/// It waits as [`JobHandle::wait`] does: with one connection for all waits of this process, and one query for
/// all jobs. The stream ends after the last job; to stop earlier, drop it.
///
/// ```no_run
/// use pgjobs::{TaskError, task};
/// # use futures_util::StreamExt;
///
/// #[task]
/// async fn square(n: i64) -> Result<i64, TaskError> { Ok(n * n) }
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let jobs = pgjobs::publish_all(&pool, (1..=3).map(square::new)).await?;
/// let mut results = pgjobs::results(&pool, jobs);
/// while let Some((job, result)) = results.next().await {
///     match result {
///         Ok(square) => println!("{}: {square}", job.id()),
///         Err(error) => println!("{error}"),
///     }
/// }
/// # Ok(()) }
/// ```
pub fn results<R: DeserializeOwned>(
    pool: &PgPool,
    handles: impl IntoIterator<Item = JobHandle<R>>,
) -> impl Stream<Item = (JobHandle<R>, Result<R, Error>)> + Send + Unpin {
    let wait = |handle: JobHandle<R>| {
        let pool = pool.clone();
        Box::pin(async move {
            let result = handle.wait(&pool).await;
            (handle, result)
        })
    };
    handles.into_iter().map(wait).collect::<FuturesUnordered<_>>().map(|ended| ended)
}
