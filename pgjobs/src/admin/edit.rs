//! An edit of a job before it is saved.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::PgPool;

use crate::db;
use crate::db::admin::edit::Changes;
use crate::inspect::JobRow;
use crate::publish::{NewJob, draft_of};
use crate::task::definition::Task;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// Changes to a pending job, or to one that failed or was cancelled, before it is retried.
///
/// What is not set stays. The arguments are validated as at a publish, and a unique key that is made of them
/// is made anew. The old values are in the audit.
///
/// ```no_run
/// use pgjobs::{NewJob, admin::Edit};
///
/// # async fn f(pool: sqlx::PgPool, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// let call = NewJob::named("mail.welcome").kwarg("user_id", 7);
/// Edit::new(&id).arguments(call).priority(5).reason("a wrong id").save(&pool).await?;
/// pgjobs::admin::retry(&pool, &[id]).await?;
/// # Ok(()) }
/// ```
#[must_use = "an edit is made by .save(…).await"]
pub struct Edit {
    job: JobId,
    body: Result<Option<Box<RawValue>>, Error>,
    priority: Option<i32>,
    scheduled_at: Option<DateTime<Utc>>,
    timeout: Option<Duration>,
    max_retries: Option<u32>,
    meta: Result<Option<String>, Error>,
    reason: Option<String>,
}

impl Edit {
    /// An edit of this job that changes nothing yet.
    pub fn new(job: &JobId) -> Self {
        Edit {
            job: job.clone(),
            body: Ok(None),
            priority: None,
            scheduled_at: None,
            timeout: None,
            max_retries: None,
            meta: Ok(None),
            reason: None,
        }
    }

    /// The arguments of this call instead of its own; the task is not compared.
    pub fn call<T: Task>(mut self, call: &T) -> Self {
        self.body = draft_of(call).map(|request| Some(request.body));
        self
    }

    /// The arguments of this call instead of its own, of a task that this program does not have; the name and
    /// the options of the call do not count.
    pub fn arguments(mut self, call: NewJob) -> Self {
        self.body = call.request().map(|request| Some(request.body));
        self
    }

    /// Another priority: it then goes to the end of the queue of that priority.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Another time before which it does not start; a time that has passed makes it due. For pending jobs.
    pub fn scheduled_at(mut self, at: DateTime<Utc>) -> Self {
        self.scheduled_at = Some(at);
        self
    }

    /// Another time limit of a run, 10 ms to 7 days.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Another maximum number of runs, 1 to 1000.
    pub fn retries(mut self, runs: u32) -> Self {
        self.max_retries = Some(runs);
        self
    }

    /// Other notes instead of its own, an object of at most 4096 bytes as JSON.
    pub fn meta(mut self, meta: impl Serialize) -> Self {
        self.meta = serde_json::to_string(&meta)
            .map(Some)
            .map_err(|error| Error::Option { name: "meta", reason: error.to_string() });
        self
    }

    /// Why, for the audit; at most 1000 characters.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Saves the changes, and returns the job.
    ///
    /// # Errors
    /// [`Error::Refused`]: `PT404` for an unknown job, `PT409` for one that runs, has succeeded or was
    /// re-driven, or whose new arguments make a unique key that another job holds, `PT422` for arguments that
    /// do not fit, `PT400` and `PT413` for values out of range. [`Error::Encode`] for arguments that
    /// are no JSON.
    pub async fn save(self, pool: &PgPool) -> Result<JobRow, Error> {
        let (body, meta) = (self.body?, self.meta?);
        let runs = |runs: u32| i32::try_from(runs).unwrap_or(i32::MAX);
        let changes = Changes {
            body: body.as_deref().map(RawValue::get),
            priority: self.priority,
            scheduled_at: self.scheduled_at,
            timeout: self.timeout.map(|timeout| timeout.as_secs_f64()),
            max_retries: self.max_retries.map(runs),
            meta: meta.as_deref(),
        };
        let mut connection = pool.acquire().await?;
        db::admin::edit::edit(&mut *connection, &self.job, &changes, self.reason.as_deref()).await?;
        db::inspect::get(&mut connection, &self.job).await
    }
}
