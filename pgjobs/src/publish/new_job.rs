//! Calls a task of another program by its name.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::publish_one::Publish;
use super::publisher::Publisher;
use super::setters::option_setters;
use crate::types::call_options::CallOptions;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;

/// A call of a task that this program does not have: another binary's, or another language's. The database
/// validates its arguments if it knows the task's signature (see [`Validation`](crate::Validation)).
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::NewJob;
///
/// NewJob::named("reports.build").arg(2024).kwarg("format", "pdf").priority(5).publish(&pool).await?;
/// # Ok(()) }
/// ```
#[must_use = "a job is published by .publish(…).await"]
pub struct NewJob {
    task: String,
    args: Vec<Value>,
    kwargs: Map<String, Value>,
    error: Option<Error>,
    options: CallOptions,
}

impl NewJob {
    /// A call of the task with this name, initially without arguments.
    pub fn named(task: impl Into<String>) -> Self {
        NewJob {
            task: task.into(),
            args: Vec::new(),
            kwargs: Map::new(),
            error: None,
            options: CallOptions::none(),
        }
    }

    /// Adds a positional argument.
    pub fn arg(mut self, value: impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => self.args.push(value),
            Err(e) => self.error = Some(Error::Encode(format!("argument {}: {e}", self.args.len() + 1))),
        }
        self
    }

    /// Adds a keyword argument, or replaces the one of this name.
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        match serde_json::to_value(value) {
            Ok(value) => drop(self.kwargs.insert(name, value)),
            Err(e) => self.error = Some(Error::Encode(format!("argument `{name}`: {e}"))),
        }
        self
    }

    option_setters!(options);

    /// Publishes the job; its result is plain JSON.
    pub fn publish<'c, P: Publisher<'c>>(self, publisher: P) -> Publish<'c, P, Value> {
        let options = self.options.clone();
        Publish::new(publisher, self.request(), options)
    }

    pub(crate) fn name(&self) -> &str {
        &self.task
    }

    pub(crate) fn request(self) -> Result<JobRequest, Error> {
        match self.error {
            Some(error) => Err(error),
            None => JobRequest::new(Cow::Owned(self.task), self.args, self.kwargs, self.options),
        }
    }
}

impl fmt::Debug for NewJob {
    // Without the arguments: they may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJob")
            .field("task", &self.task)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
