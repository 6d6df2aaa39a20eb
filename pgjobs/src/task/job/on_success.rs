//! Jobs that a run publishes with its success.

use std::fmt;
use std::mem;
use std::sync::{Mutex, PoisonError};

use super::Job;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;

/// Where a run publishes jobs that there are only if it succeeds; made by
/// [`Job::on_success`](Job::on_success).
#[derive(Clone, Copy)]
pub struct OnSuccess<'j>(&'j Job);

impl fmt::Debug for OnSuccess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnSuccess").field(&self.0.id()).finish()
    }
}

/// What a run publishes with its success.
#[derive(Default)]
pub(super) struct Kept(Mutex<Vec<JobRequest>>);

impl Kept {
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Job {
    /// Publishes jobs with the success of this run, in the transaction that accepts it: they are there if this
    /// run makes the job a success, and otherwise not, whatever becomes of the worker.
    ///
    /// It collects the jobs, whose ids are known at once. When the task returns `Ok`, the worker publishes
    /// them and ends the job in one transaction; if that fails, the run has failed, and the next one publishes
    /// them. Not within the code of a [step](crate::Steps::step), which does not run again. A task that ends
    /// its job with [`finish`](Job::finish) publishes to that transaction instead.
    ///
    /// ```no_run
    /// use pgjobs::{Job, TaskError, task};
    ///
    /// #[task]
    /// async fn thank(customer: i64) {}
    ///
    /// #[task]
    /// async fn ship(#[inject] job: &Job, order: i64) -> Result<(), TaskError> {
    ///     thank::publish(job.on_success(), 7).priority(-1).await?;
    ///     // … what fails here leaves no job `thank` …
    ///     Ok(())
    /// }
    /// ```
    pub fn on_success(&self) -> OnSuccess<'_> {
        OnSuccess(self)
    }

    /// Whether the run publishes something with its success.
    pub(crate) fn publishes_on_success(&self) -> bool {
        !self.kept.is_empty()
    }

    pub(crate) fn take_published(&self) -> Vec<JobRequest> {
        mem::take(&mut *self.kept.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl OnSuccess<'_> {
    /// # Errors
    /// [`Error::Option`] when the task has ended the job itself.
    pub(crate) fn keep(self, requests: Vec<JobRequest>) -> Result<(), Error> {
        if self.0.was_finished_by_task() {
            return Err(refused("the task has ended this job with Job::finish"));
        }
        self.0.kept.0.lock().unwrap_or_else(PoisonError::into_inner).extend(requests);
        Ok(())
    }
}

/// The error of a task that both ends its job itself and leaves it to the worker.
pub(super) fn refused(reason: &str) -> Error {
    Error::Option {
        name: "on_success",
        reason: format!("{reason}: publish to the transaction in which it is ended"),
    }
}
