//! What a batch handler is given: its jobs, their arguments, and the state of the worker.

use std::any::{Any, TypeId};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::task::arguments::Arguments;
use crate::task::job::Job;
use crate::task::state::State;
use crate::types::outcomes::{IntoOutcomes, Outcomes};
use crate::types::task_error::{RunResult, TaskError, encode_result};

/// The jobs of a joint run, injected with `#[inject] jobs: &Jobs`: in the order of the arguments, and of the
/// outcomes that the handler returns. It derefs to a slice.
///
/// ```
/// use pgjobs::{Jobs, TaskError, task};
///
/// #[task(batch = 100)]
/// async fn index(#[inject] jobs: &Jobs, #[each] text: Vec<String>) -> Vec<Result<(), TaskError>> {
///     let of = |(job, text): (&std::sync::Arc<pgjobs::Job>, String)| match text.is_empty() {
///         true => Err(TaskError::fatal(format!("job {} has no text", job.id()))),
///         false => Ok(()),
///     };
///     jobs.iter().zip(text).map(of).collect()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Jobs(Vec<Arc<Job>>);

impl Deref for Jobs {
    type Target = [Arc<Job>];

    fn deref(&self) -> &[Arc<Job>] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a Jobs {
    type Item = &'a Arc<Job>;
    type IntoIter = std::slice::Iter<'a, Arc<Job>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// A joint run, passed to the function of a batch handler.
///
/// Generated code uses it to read the arguments, to get state and to say how the jobs ended; a hand-written
/// [`TaskDef`](crate::define::TaskDef) does the same. Every job that has no outcome when the function's future
/// ends gets the error that the future returned.
///
/// ```
/// use pgjobs::define::{JointContext, JointFuture, Many, Param, TaskDef};
/// use pgjobs::{Task, schemars::JsonSchema, serde::{Deserialize, Serialize}};
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// # #[serde(crate = "pgjobs::serde")]
/// # #[schemars(crate = "pgjobs::schemars")]
/// struct Add { value: i64 }
///
/// impl Task for Add {
///     type Output = i64;
///     const DEF: &'static TaskDef = &TaskDef::many("sums.add", Many::new(50, add))
///         .params(&[Param { name: "value", ty: "i64", required: true }])
///         .call::<Self>()
///         .result::<i64>();
/// }
///
/// fn add(mut context: JointContext) -> JointFuture {
///     Box::pin(async move {
///         let values: Vec<Add> = context.arguments();
///         let sums = values.iter().map(|add| Ok::<_, pgjobs::TaskError>(add.value + 1));
///         context.finish(sums.collect::<Vec<_>>())
///     })
/// }
/// ```
pub struct JointContext {
    arguments: Arguments,
    jobs: Arc<Jobs>,
    /// The position of each job in `answers`.
    places: Vec<usize>,
    answers: Arc<Answers>,
    state: Arc<State>,
}

impl JointContext {
    pub(super) fn new(
        arguments: Arguments,
        jobs: Vec<Arc<Job>>,
        answers: Arc<Answers>,
        state: Arc<State>,
    ) -> Self {
        let places = (0..jobs.len()).collect();
        JointContext { arguments, jobs: Arc::new(Jobs(jobs)), places, answers, state }
    }

    /// The jobs, in their order. After [`arguments`](JointContext::arguments) only those whose arguments fit.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// The arguments of each job, read from its body by Python's binding rules.
    ///
    /// A job whose arguments do not fit fails at once, with the path of the error and the expected type, and
    /// leaves the joint run: so the values are as many as the [`jobs`](JointContext::jobs) after the call.
    /// When none is left, return `Ok(())`.
    pub fn arguments<T: DeserializeOwned>(&mut self) -> Vec<T> {
        let (mut values, mut jobs, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (job, &place) in self.jobs.iter().zip(&self.places) {
            match self.arguments.read(job.body()) {
                Ok(value) => {
                    values.push(value);
                    jobs.push(job.clone());
                    places.push(place);
                }
                Err(error) => self.answers.give(place, Err(TaskError::fatal(error))),
            }
        }
        (self.jobs, self.places) = (Arc::new(Jobs(jobs)), places);
        values
    }

    /// The state of type `T`: the jobs themselves for [`Jobs`], otherwise what the worker was given.
    ///
    /// # Errors
    /// A fatal [`TaskError`] when the worker has no such state. A worker checks the declared state types of
    /// its tasks before it starts, so this happens only to undeclared ones.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, TaskError> {
        if TypeId::of::<T>() == TypeId::of::<Jobs>() {
            let jobs: Arc<dyn Any + Send + Sync> = self.jobs.clone();
            return jobs.downcast().map_err(|_| TaskError::fatal("jobs are Jobs"));
        }
        self.state.get(self.arguments.task)
    }

    /// Says how the jobs ended, from what the function returned: the last thing to do, since the future may be
    /// dropped from then on.
    ///
    /// # Errors
    /// The error of the function, and one when it returned another number of outcomes than there are jobs.
    pub fn finish<O: IntoOutcomes>(self, returned: O) -> Result<(), TaskError> {
        let results: Vec<RunResult> = match returned.into_outcomes()? {
            Outcomes::All(value) => vec![encode_result(&value); self.jobs.len()],
            Outcomes::Each(each) => {
                each.into_iter().map(|one| one.and_then(|value| encode_result(&value))).collect()
            }
        };
        let (got, jobs) = (results.len(), self.jobs.len());
        if got != jobs {
            let reason = format!("the batch handler returned {got} outcomes for {jobs} jobs");
            return Err(TaskError::new(format!("{reason}; return one for each, in their order")));
        }
        for (&place, result) in self.places.iter().zip(results) {
            self.answers.give(place, result);
        }
        Ok(())
    }
}

/// Where the runs of the jobs wait for their results.
pub(super) struct Answers(Mutex<Vec<Option<oneshot::Sender<RunResult>>>>);

impl Answers {
    pub(super) fn new(answers: Vec<oneshot::Sender<RunResult>>) -> Self {
        Answers(Mutex::new(answers.into_iter().map(Some).collect()))
    }

    fn open(&self) -> MutexGuard<'_, Vec<Option<oneshot::Sender<RunResult>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of one job; the first one counts.
    fn give(&self, place: usize, result: RunResult) {
        if let Some(answer) = self.open().get_mut(place).and_then(Option::take) {
            let _ = answer.send(result); // fails when its run was cut off: then nobody wants to know
        }
    }

    /// The result of every job that has none.
    pub(super) fn give_rest(&self, error: &TaskError) {
        for answer in self.open().iter_mut().filter_map(Option::take) {
            let _ = answer.send(Err(error.clone()));
        }
    }
}
