//! The function of a task, and how a worker calls it: for one job or for several.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::context::Context;
use super::joint::context::JointContext;
use crate::types::task_error::{RunResult, TaskError};

/// How a worker calls the function of a task.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Handler {
    /// Once for each job.
    One(RunFunction),
    /// Once for several jobs: the task is a batch handler.
    Many(Many),
}

/// Runs a job: reads the arguments, calls the function, encodes the result.
pub type RunFunction = fn(Context) -> RunFuture;

/// What a [`RunFunction`] returns: one run of a job, not started yet.
pub type RunFuture = BoxFuture<'static, RunResult>;

/// Runs several jobs of a batch handler: reads their arguments, calls the function, and says how each ended.
pub type JointFunction = fn(JointContext) -> JointFuture;

/// What a [`JointFunction`] returns: one joint run, not started yet. Its error is that of every job that has
/// no outcome.
pub type JointFuture = BoxFuture<'static, Result<(), TaskError>>;

/// How a batch handler is called; given to [`TaskDef::many`](super::definition::TaskDef::many).
///
/// ```
/// use std::time::Duration;
/// use pgjobs::define::{Many, TaskDef};
///
/// static COUNT: TaskDef = TaskDef::many(
///     "ops.count",
///     Many::new(100, |context| Box::pin(async move {
///         println!("{} jobs", context.jobs().len());
///         context.finish(())
///     }))
///     .linger(Duration::from_millis(50)),
/// );
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Many {
    /// The most jobs of one joint run, 1 to [`Many::MOST`].
    pub most: usize,
    /// How long the first job of a joint run waits for others, at most [`Many::LONGEST_LINGER`].
    pub linger: Duration,
    /// The function.
    pub run: JointFunction,
}

impl Many {
    /// The greatest number of jobs in one joint run.
    pub const MOST: usize = 1000;
    /// The linger of a batch handler that sets none.
    pub const LINGER: Duration = Duration::from_millis(10);
    /// The longest linger: a job that waits holds a slot and its lease.
    pub const LONGEST_LINGER: Duration = Duration::from_mins(1);

    /// At most so many jobs in one joint run, which begins [`Many::LINGER`] after its first job came.
    ///
    /// # Panics
    /// When `most` is not within 1 to [`Many::MOST`]; in a `static` that is an error of the compiler.
    pub const fn new(most: usize, run: JointFunction) -> Self {
        assert!(most >= 1 && most <= Many::MOST, "a joint run has 1 to 1000 jobs");
        Many { most, linger: Many::LINGER, run }
    }

    /// Sets how long the first job of a joint run waits for others.
    ///
    /// # Panics
    /// When it is longer than [`Many::LONGEST_LINGER`]; in a `static` that is an error of the compiler.
    pub const fn linger(mut self, linger: Duration) -> Self {
        assert!(linger.as_nanos() <= Many::LONGEST_LINGER.as_nanos(), "a linger is one minute at most");
        self.linger = linger;
        self
    }
}
