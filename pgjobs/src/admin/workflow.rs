//! Cancels and retries workflows.

use std::time::Duration;

use sqlx::PgPool;

use crate::db;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// Cancels what of a workflow has not ended, or with `node` this node and those that come after it; returns
/// how many nodes that were. Nodes that wait never run; the code of running jobs has the grace to stop, as of
/// [`cancel`](crate::admin::cancel). `reason` is for the audit and for whoever looks, at most 1,000 characters.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let grace = std::time::Duration::from_secs(5);
/// pgjobs::admin::cancel_workflow(&pool, 7, Some("publish"), Some("wrong prices"), grace).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when there is no such workflow or node.
pub async fn cancel_workflow(
    pool: &PgPool,
    id: i64,
    node: Option<&str>,
    reason: Option<&str>,
    grace: Duration,
) -> Result<i64, Error> {
    db::admin::workflow::cancel(&mut *pool.acquire().await?, id, node, reason, grace).await
}

/// Lets the failed and cancelled nodes of a workflow run again, or with `node` this one and those after it;
/// returns the jobs that run again. Nodes that were cancelled or skipped wait anew where they still can run,
/// and what comes after a node goes on once it succeeds.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for job in pgjobs::admin::retry_workflow(&pool, 7, None, Some("the relay is back")).await? {
///     println!("{job} runs again");
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when there is no such workflow or node.
pub async fn retry_workflow(
    pool: &PgPool,
    id: i64,
    node: Option<&str>,
    reason: Option<&str>,
) -> Result<Vec<JobId>, Error> {
    db::admin::workflow::retry(&mut *pool.acquire().await?, id, node, reason).await
}
