//! Cancels jobs that are named by their ids.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::PgPool;

use crate::db;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// How long the code of a running job may go on after [`cancel`], if nothing else is said.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Cancels pending and running jobs, and returns the ids of those that it found; `.await` it.
///
/// A pending job never runs. A running job ends in the database at once, and nothing that its code reports
/// is accepted. The code hears of it ([`Job::cancelled`](crate::Job::cancelled)) and has the grace to stop
/// by itself; then it is cut off where it waits. Code that waits nowhere, because it blocks its thread,
/// cannot be stopped and runs on.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn f(pool: sqlx::PgPool, jobs: Vec<pgjobs::JobId>) -> Result<(), pgjobs::Error> {
/// let cancel = pgjobs::admin::cancel(&pool, &jobs).grace(Duration::from_secs(30));
/// let found = cancel.reason("wrong prices").await?;
/// # Ok(()) }
/// ```
pub fn cancel<'a>(pool: &'a PgPool, jobs: &'a [JobId]) -> Cancel<'a> {
    Cancel { pool, jobs, grace: GRACE, reason: None }
}

/// A cancel that is about to be sent, see [`cancel`].
#[must_use = "nothing is cancelled before `.await`"]
pub struct Cancel<'a> {
    pool: &'a PgPool,
    jobs: &'a [JobId],
    grace: Duration,
    reason: Option<&'a str>,
}

impl<'a> Cancel<'a> {
    /// How long the code of running jobs may go on: up to an hour, by default 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Why: kept with the jobs, beside who cancelled them, and in the audit; at most 1,000 characters.
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }
}

impl<'a> IntoFuture for Cancel<'a> {
    type Output = Result<Vec<JobId>, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Cancel { pool, jobs, grace, reason } = self;
        Box::pin(async move { db::admin::cancel(&mut *pool.acquire().await?, jobs, grace, reason).await })
    }
}
