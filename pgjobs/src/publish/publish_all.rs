//! Publishes many calls of one task.

use std::future::IntoFuture;
use std::marker::PhantomData;

use futures_util::future::BoxFuture;

use super::handle::JobHandle;
use super::publish_one::{Returns, draft_of, options_of};
use super::publisher::{Publisher, Target, send, target};
use super::setters::option_setters;
use crate::task::definition::Task;
use crate::types::call_options::CallOptions;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;

/// Publishes many calls of a task at once, all or nothing: one round trip for every 1,024 of them or 8 MiB of
/// arguments, whichever comes first, in one transaction. Without any call it takes no connection.
///
/// ```no_run
/// use pgjobs::task;
///
/// #[task]
/// async fn welcome(user_id: i64) {}
///
/// # async fn f(pool: sqlx::PgPool, users: Vec<i64>) -> Result<(), pgjobs::Error> {
/// let mut tx = pool.begin().await?;
/// let jobs = pgjobs::publish_all(&mut *tx, users.iter().map(|&id| welcome::new(id))).priority(-1).await?;
/// tx.commit().await?;
/// assert_eq!(jobs.len(), users.len());
/// # Ok(()) }
/// ```
///
/// # Errors
/// As for a single job; the message names the position of the job that was refused.
pub fn publish_all<'c, P, T, I>(publisher: P, calls: I) -> PublishAll<'c, P, T::Output>
where
    P: Publisher<'c>,
    T: Task,
    I: IntoIterator<Item = T>,
{
    PublishAll {
        target: target(publisher),
        requests: calls.into_iter().map(|call| draft_of(&call)).collect(),
        options: options_of::<T>(),
        result: PhantomData,
    }
}

/// Many calls that are about to be published: options apply to all, `.await` sends them.
#[must_use = "jobs are published when this is awaited"]
pub struct PublishAll<'c, P, R> {
    target: Target<'c>,
    requests: Result<Vec<JobRequest>, Error>,
    options: CallOptions,
    result: Returns<P, R>,
}

impl<'c, P, R> PublishAll<'c, P, R> {
    option_setters!(options);
}

impl<'c, P, R> IntoFuture for PublishAll<'c, P, R> {
    type Output = Result<Vec<JobHandle<R>>, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let PublishAll { target, requests, options, .. } = self;
        Box::pin(async move {
            let mut requests = requests?;
            requests.iter_mut().for_each(|request| request.options = options.clone());
            Ok(send(target, requests).await?.into_iter().map(JobHandle::of).collect())
        })
    }
}
