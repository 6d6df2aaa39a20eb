//! Hooks: layers that only listen.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::task::job::Job;
use crate::task::layer::{Layer, Next};
use crate::types::task_error::{RunResult, TaskError};

pub(super) struct OnStart<H>(pub(super) H);

impl<H: Fn(&Job) + Send + Sync + 'static> Layer for OnStart<H> {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        tell(|| (self.0)(job));
        next.run().await
    }
}

pub(super) struct OnSuccess<H>(pub(super) H);

impl<H: Fn(&Job, Duration) + Send + Sync + 'static> Layer for OnSuccess<H> {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        let started = Instant::now();
        let result = next.run().await;
        if result.is_ok() {
            tell(|| (self.0)(job, started.elapsed()));
        }
        result
    }
}

pub(super) struct OnFailure<H>(pub(super) H);

impl<H: Fn(&Job, &TaskError) + Send + Sync + 'static> Layer for OnFailure<H> {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        let result = next.run().await;
        if let Err(error) = &result
            && !error.is_snooze()
            && !job.is_cancelled()
        {
            tell(|| (self.0)(job, error));
        }
        result
    }
}

/// Calls a hook. One that panics spoils only its own call, and not the run as a layer's panic would.
fn tell(call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        tracing::error!("a hook of the worker panicked");
    }
}
