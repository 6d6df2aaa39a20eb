//! The user's hooks, called for each run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::task::job::Job;
use crate::types::task_error::TaskError;

type OnStart = Box<dyn Fn(&Job) + Send + Sync>;
type OnSuccess = Box<dyn Fn(&Job, Duration) + Send + Sync>;
type OnFailure = Box<dyn Fn(&Job, &TaskError) + Send + Sync>;

#[derive(Default)]
pub(super) struct Hooks {
    pub(super) start: Option<OnStart>,
    pub(super) success: Option<OnSuccess>,
    pub(super) failure: Option<OnFailure>,
}

impl Hooks {
    pub(super) fn started(&self, job: &Job) {
        tell(&self.start, |hook| hook(job));
    }

    pub(super) fn succeeded(&self, job: &Job, took: Duration) {
        tell(&self.success, |hook| hook(job, took));
    }

    pub(super) fn failed(&self, job: &Job, error: &TaskError) {
        tell(&self.failure, |hook| hook(job, error));
    }
}

/// Calls a hook, if there is one. A hook that panics spoils only its own call.
fn tell<H>(hook: &Option<H>, call: impl FnOnce(&H)) {
    let Some(hook) = hook else { return };
    if catch_unwind(AssertUnwindSafe(|| call(hook))).is_err() {
        tracing::error!("a hook of the worker panicked");
    }
}
