//! Publishes one typed call.

use std::borrow::Cow;
use std::future::IntoFuture;
use std::marker::PhantomData;

use futures_util::future::BoxFuture;

use super::handle::JobHandle;
use super::publisher::{Publisher, Target, send, target};
use super::setters::option_setters;
use crate::task::definition::Task;
use crate::types::call_options::CallOptions;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;

/// The types of the publisher and of the result, without holding a value of either.
pub(super) type Returns<P, R> = PhantomData<(fn(P), fn() -> R)>;

/// A call that is about to be published: options chain, `.await` sends it.
///
/// ```no_run
/// use std::time::Duration;
/// use pgjobs::task;
///
/// #[task]
/// async fn welcome(user_id: i64) {}
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let mut tx = pool.begin().await?;
/// // … your own writes …
/// let job = welcome::publish(&mut *tx, 7).priority(9).delay(Duration::from_secs(60)).await?;
/// tx.commit().await?; // from here on a worker sees it
/// println!("published {}", job.id());
/// # Ok(()) }
/// ```
///
/// # Errors
/// Before anything is sent: [`Error::Encode`] for a value that JSON or `jsonb` cannot represent (a map whose
/// keys are not strings, a NUL character), [`Error::Option`] for an option out of range,
/// [`Error::PublishRefused`] when a publish layer refuses the job. From the database, at the `.await` (for a
/// [`Tx`](crate::Tx): at its commit), before anything is stored: [`Error::Refused`] with `PT400` for a name,
/// time or timeout out of range, `PT403` for a task that the role may not publish, `PT413` for a body above
/// `jobs.config.max_body_bytes`, `PT422` for arguments that do not fit the task. Your transaction is then
/// aborted, as after any failed statement. [`Error::Database`] when the server or the connection fails.
#[must_use = "a job is published when this is awaited"]
pub struct Publish<'c, P, R> {
    target: Target<'c>,
    request: Result<JobRequest, Error>,
    options: CallOptions,
    result: Returns<P, R>,
}

impl<'c, P: Publisher<'c>, R> Publish<'c, P, R> {
    pub(crate) fn call<T: Task<Output = R>>(publisher: P, call: &T) -> Self {
        Publish::new(publisher, draft_of(call), options_of::<T>())
    }

    pub(crate) fn new(publisher: P, request: Result<JobRequest, Error>, options: CallOptions) -> Self {
        Publish { target: target(publisher), request, options, result: PhantomData }
    }
}

// For any `P`: a type that is not a publisher has been refused where it was passed, and is not refused again
// at each option and at the `.await`.
impl<'c, P, R> Publish<'c, P, R> {
    option_setters!(options);
}

impl<'c, P, R> IntoFuture for Publish<'c, P, R> {
    type Output = Result<JobHandle<R>, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Publish { target, request, options, .. } = self;
        Box::pin(async move {
            let request = JobRequest { options, ..request? };
            let mut sent = send(target, vec![request]).await?;
            // One request returns one job.
            sent.pop().map(JobHandle::of).ok_or(Error::Database(sqlx::Error::RowNotFound))
        })
    }
}

/// The request for a typed call: all its arguments by name, and its task's options.
pub(crate) fn draft_of<T: Task>(call: &T) -> Result<JobRequest, Error> {
    let request = JobRequest::new(Cow::Borrowed(T::DEF.name), [(); 0], call, options_of::<T>())?;
    Ok(JobRequest { together: !T::DEF.asks_for_job(), checked: true, ..request })
}

/// The options of a typed call that sets none.
pub(crate) fn options_of<T: Task>() -> CallOptions {
    CallOptions::of(&T::DEF.options, T::DEF.unique.as_ref())
}
