//! Steps: what a job records while it runs, so that its next run goes on behind it.

mod names;
mod suspend;
mod transaction;
mod values;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sqlx::PgPool;
use tokio::sync::OnceCell;

use super::job::{Job, OnSuccess};
use crate::db::steps::{self as db, Recorded, Run};
use crate::types::step_error::StepError;
use crate::types::task_error::TaskError;
use names::Kind;

/// The steps of a running job, injected with `#[inject] steps: &Steps`: code that runs in parts, each of which
/// is recorded in the database when it is done, so that a run after a failure, a crash or a long wait goes on
/// behind the parts that are there.
///
/// Each run begins at the top of the function. What is recorded under a name is returned at once instead of
/// being done again; what is not, is done. No code is replayed and nothing has to be deterministic: a name is
/// all that connects one run with the next. So each step, sleep and signal of a task has a name of its own;
/// in a loop `format!("charge/{n}")`.
///
/// ```no_run
/// use std::time::Duration;
/// use pgjobs::{Steps, TaskError, task};
/// # async fn create_account(_: i64) -> Result<i64, TaskError> { Ok(1) }
/// # async fn send_welcome(_: i64) -> Result<(), TaskError> { Ok(()) }
///
/// #[task(steps("account", "cool off", "approve/*", "welcome"))]
/// async fn onboard(#[inject] steps: &Steps, user: i64) -> Result<(), TaskError> {
///     let account = steps.step("account", || create_account(user)).await?;
///     steps.sleep("cool off", Duration::from_secs(3 * 86_400)).await?;
///     let approved: Option<bool> =
///         steps.wait_for(format!("approve/{user}"), Duration::from_secs(7 * 86_400)).await?;
///     if approved == Some(true) {
///         steps.step("welcome", || send_welcome(account)).await?;
///     }
///     Ok(())
/// }
/// ```
///
/// What is recorded goes with the success of the job. Of a job that failed or was cancelled it stays as long
/// as the job is in history, so that a retry goes on where it was.
pub struct Steps {
    job: Arc<Job>,
    pool: PgPool,
    task: &'static str,
    /// What the task declares; empty: nothing, and then any name may be used.
    declared: &'static [&'static str],
    recorded: OnceCell<Mutex<HashMap<String, Recorded>>>,
    /// Names that this run has come past.
    used: Mutex<HashSet<String>>,
}

/// What [`Steps::step_with`] does when a step was recorded for other inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnChange {
    /// Runs it again; the new value replaces the recorded one.
    #[default]
    Rerun,
    /// Fails the job with [`StepError::Changed`], without another run.
    Fail,
    /// Returns the recorded value.
    Keep,
}

impl Steps {
    pub(super) fn new(
        job: Arc<Job>,
        pool: PgPool,
        task: &'static str,
        declared: &'static [&'static str],
    ) -> Self {
        Steps { job, pool, task, declared, recorded: OnceCell::new(), used: Mutex::default() }
    }

    /// The job.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Publishes jobs with the success of this run, see [`Job::on_success`].
    pub fn on_success(&self) -> OnSuccess<'_> {
        self.job.on_success()
    }

    /// Runs a part of the task, once it is done records what it returned, and returns that, now and in later
    /// runs.
    ///
    /// **Its effect happens at least once.** Between the effect and its record the worker may die, and then
    /// the next run does it again: give a service [`Job::idempotency_key`] with the step's name. For an
    /// effect in this database [`step_in`](Steps::step_in) makes it once.
    ///
    /// ```no_run
    /// # use pgjobs::{Steps, TaskError};
    /// # async fn charge(_: &str) -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # async fn f(steps: &Steps) -> Result<(), TaskError> {
    /// let key = format!("{}/charge", steps.job().idempotency_key());
    /// let receipt = steps.step("charge", async || Ok(charge(&key).await?)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`StepError::Failed`] with the error of `run`, of which nothing is recorded; the others say why
    /// nothing could be read or recorded.
    pub async fn step<T, F>(&self, name: impl Into<String>, run: impl FnOnce() -> F) -> Result<T, StepError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, TaskError>>,
    {
        let name = name.into();
        if let Some(recorded) = self.recorded(&name, Kind::Step).await? {
            self.note_use(&name);
            return values::read(&name, recorded.value);
        }
        self.run_and_save(&name, None, run).await
    }

    /// The same for a step that depends on inputs: what is recorded counts for these inputs only, and
    /// `on_change` says what happens when they are others, because the code or the job's arguments changed
    /// between two runs. Of the inputs the database keeps a hash.
    ///
    /// **Its effect happens at least once**, and with [`OnChange::Rerun`] again for other inputs.
    ///
    /// # Errors
    /// As [`step`](Steps::step), and [`StepError::Changed`] with [`OnChange::Fail`].
    pub async fn step_with<T, F>(
        &self,
        name: impl Into<String>,
        inputs: &(impl Serialize + ?Sized),
        on_change: OnChange,
        run: impl FnOnce() -> F,
    ) -> Result<T, StepError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, TaskError>>,
    {
        let name = name.into();
        let inputs = values::encode(&name, inputs)?;
        if self.recorded(&name, Kind::Step).await?.is_some() {
            let found = db::find(&self.pool, &self.run(), &name, Some(&inputs)).await;
            match found.map_err(|error| self.error(&name, error))? {
                Some(found) if found.is_same || on_change == OnChange::Keep => {
                    self.note_use(&name);
                    return values::read(&name, found.value);
                }
                Some(_) if on_change == OnChange::Fail => return Err(StepError::Changed { step: name }),
                _ => {}
            }
        }
        self.run_and_save(&name, Some(&inputs), run).await
    }

    async fn run_and_save<T, F>(
        &self,
        name: &str,
        inputs: Option<&RawValue>,
        run: impl FnOnce() -> F,
    ) -> Result<T, StepError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, TaskError>>,
    {
        let under_way = UnderWay::begin(self, name)?;
        let value = run().await.map_err(StepError::Failed)?;
        let value = values::encode_result(name, &value)?;
        let saved = db::save(&self.pool, &self.run(), name, &value, inputs).await;
        let saved = saved.map_err(|error| self.error(name, error))?;
        under_way.ends_well();
        values::read(name, Some(saved))
    }

    /// This run has come past this name: it may not ask for it again. (A step that failed may run again.)
    fn note_use(&self, name: &str) {
        locked(&self.used).insert(name.to_owned());
    }

    fn run(&self) -> Run<'_> {
        Run { job: self.job.id(), lease: self.job.lease() }
    }

    /// What earlier runs have recorded under a name; an error for one that cannot be used.
    async fn recorded(&self, name: &str, kind: Kind) -> Result<Option<Recorded>, StepError> {
        self.check_name(name)?;
        let read = async || {
            let recorded = db::begin(&self.pool, &self.run()).await?;
            Ok(Mutex::new(recorded.into_iter().map(|step| (step.name.clone(), step)).collect()))
        };
        let all = self.recorded.get_or_try_init(read).await.map_err(|error| self.error(name, error))?;
        if locked(&self.used).contains(name) {
            return Err(StepError::Twice { step: name.to_owned() });
        }
        let Some(mut recorded) = locked(all).remove(name) else { return Ok(None) };
        kind.check(name, &recorded.kind)?;
        if recorded.is_large {
            let found = db::find(&self.pool, &self.run(), name, None).await;
            recorded.value = found.map_err(|error| self.error(name, error))?.and_then(|found| found.value);
        }
        Ok(Some(recorded))
    }
}

/// A step that runs: nobody else may begin one of its name, unless it fails or is dropped.
struct UnderWay<'s> {
    steps: &'s Steps,
    name: Option<&'s str>,
}

impl<'s> UnderWay<'s> {
    fn begin(steps: &'s Steps, name: &'s str) -> Result<Self, StepError> {
        match locked(&steps.used).insert(name.to_owned()) {
            true => Ok(UnderWay { steps, name: Some(name) }),
            false => Err(StepError::Twice { step: name.to_owned() }),
        }
    }

    fn ends_well(mut self) {
        self.name = None;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name {
            locked(&self.steps.used).remove(name);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").field("job", &self.job).finish_non_exhaustive()
    }
}
