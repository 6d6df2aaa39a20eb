//! What a running task can access: its job, and the state given to the worker.

use std::any::{Any, TypeId};
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sqlx::PgPool;

use super::arguments::Arguments;
use super::job::Job;
use super::state::State;
use super::steps::Steps;
use crate::types::task_error::{IntoOutcome, TaskError, encode_result};

/// One run of a job, passed to the task's run function.
///
/// Generated code uses it to read the arguments, to get state and to return the result; a hand-written
/// [`TaskDef`](crate::define::TaskDef) does the same.
pub struct Context {
    arguments: Arguments,
    job: Arc<Job>,
    state: Arc<State>,
    steps: OnceLock<Arc<Steps>>,
    declared: &'static [&'static str],
}

impl Context {
    /// `declared`: the names of the task's steps.
    pub(crate) fn new(
        arguments: Arguments,
        declared: &'static [&'static str],
        job: Arc<Job>,
        state: Arc<State>,
    ) -> Self {
        Context { arguments, job, state, steps: OnceLock::new(), declared }
    }

    /// The steps of the job; a hand-written task that uses them declares `StateType::of::<Steps>()`.
    ///
    /// # Errors
    /// A fatal [`TaskError`] when the worker has no pool, which all workers of this crate have.
    pub fn steps(&self) -> Result<&Arc<Steps>, TaskError> {
        let pool = self.state.get::<PgPool>(self.arguments.task)?;
        Ok(self.steps.get_or_init(|| {
            let steps = Steps::new(self.job.clone(), (*pool).clone(), self.arguments.task, self.declared);
            Arc::new(steps)
        }))
    }

    /// The job that is running.
    ///
    /// A hand-written task that ends it with [`Job::finish`] declares `StateType::of::<Job>()`, as the macro
    /// does for a task that injects it: each of its jobs then gets an own batch, so that none waits for
    /// another's transaction.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The arguments, read from the body by Python's binding rules.
    ///
    /// # Errors
    /// A fatal [`TaskError`] with the path of the error and the expected type: a retry would read the same
    /// body.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, TaskError> {
        self.arguments.read(self.job.body()).map_err(TaskError::fatal)
    }

    /// The state of type `T`: the job itself for [`Job`], its steps for [`Steps`], otherwise what the worker
    /// was given.
    ///
    /// # Errors
    /// A fatal [`TaskError`] when the worker has no such state. A worker checks the declared state types of
    /// its tasks before it starts, so this happens only to undeclared ones.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, TaskError> {
        let of_the_run: Arc<dyn Any + Send + Sync> = if TypeId::of::<T>() == TypeId::of::<Job>() {
            self.job.clone()
        } else if TypeId::of::<T>() == TypeId::of::<Steps>() {
            self.steps()?.clone()
        } else {
            return self.state.get(self.arguments.task);
        };
        of_the_run.downcast().map_err(|_| TaskError::fatal("a job is a Job"))
    }

    /// Turns the function's return value into the result that the worker settles the job with.
    ///
    /// # Errors
    /// The function's own error, or a fatal one when its return value cannot be stored as JSON.
    pub fn finish<O>(self, returned: O) -> Result<Box<RawValue>, TaskError>
    where
        O: IntoOutcome,
        O::Output: Serialize,
    {
        encode_result(&returned.into_outcome()?)
    }
}
