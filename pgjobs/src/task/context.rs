//! What a running task can access: its job, and the state given to the worker.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::definition::{StateType, TaskDef};
use super::job::Job;
use super::joint::Run;
use super::joint::context::Jobs;
use crate::types::body;
use crate::types::task_error::{IntoOutcome, TaskError, encode_result};

/// Values shared by all jobs of a worker, one for each type.
#[derive(Clone, Default)]
pub(crate) struct State(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl State {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    /// The value of type `T`, or a fatal error of this task.
    pub(crate) fn of<T: Send + Sync + 'static>(&self, def: &TaskDef) -> Result<Arc<T>, TaskError> {
        self.get().ok_or_else(|| {
            TaskError::fatal(format!(
                "task `{}` needs state `{}`; add .state(…) to the worker",
                def.name,
                std::any::type_name::<T>()
            ))
        })
    }

    /// The first state type that the task asks for and neither this state nor its run itself provides.
    pub(crate) fn missing(&self, task: &TaskDef) -> Option<&'static str> {
        let of_the_run = match task.run {
            Run::One(_) => TypeId::of::<Job>(),
            Run::Many(_) => TypeId::of::<Jobs>(),
        };
        let met = |need: &&StateType| {
            let id = (need.id)();
            id == of_the_run || self.0.contains_key(&id)
        };
        task.needs.iter().find(|need| !met(need)).map(|need| (need.name)())
    }
}

/// One run of a job, passed to the task's run function.
///
/// Generated code uses it to read the arguments, to get state and to return the result; a hand-written
/// [`TaskDef`] does the same.
pub struct Context {
    def: &'static TaskDef,
    job: Arc<Job>,
    state: Arc<State>,
}

impl Context {
    pub(crate) fn new(def: &'static TaskDef, job: Arc<Job>, state: Arc<State>) -> Self {
        Context { def, job, state }
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
        body::read(self.job.body(), self.def.params, self.def.extra_kwargs).map_err(TaskError::fatal)
    }

    /// The state of type `T`: the job itself for [`Job`], otherwise what the worker was given.
    ///
    /// # Errors
    /// A fatal [`TaskError`] when the worker has no such state. A worker checks the declared state types of
    /// its tasks before it starts, so this happens only to undeclared ones.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, TaskError> {
        if TypeId::of::<T>() == TypeId::of::<Job>() {
            let job: Arc<dyn Any + Send + Sync> = self.job.clone();
            return job.downcast().map_err(|_| TaskError::fatal("a job is a Job"));
        }
        self.state.of(self.def)
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
