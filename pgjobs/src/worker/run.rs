//! One run of one job, from its start to its outcome.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use serde_json::value::RawValue;
use tracing::Instrument;

use super::outage::in_seconds;
use super::shared::Shared;
use crate::db::settle::Outcome;
use crate::task::context::Context;
use crate::task::definition::TaskDef;
use crate::task::job::Job;
use crate::types::task_error::{Next, TaskError};

type Returned = Result<Box<RawValue>, TaskError>;

pub(super) async fn run(shared: &Arc<Shared>, job: Arc<Job>) {
    if !shared.in_flight.begin(&job) {
        return; // taken out while it waited for the runtime
    }
    if job.must_be_counted_first() && !shared.count_start(&job).await {
        return shared.settle(&job, Outcome::Release);
    }
    let span = tracing::info_span!("job", job.id = %job.id(), task = %job.task(), attempt = job.attempt());
    let outcome = async {
        let started = Instant::now();
        let Some(def) = shared.registry.get(job.task()) else {
            return Outcome::Release; // claims name only tasks that are registered here
        };
        let returned = perform(shared, def, &job).await;
        tell_hooks(shared, &job, &returned, started);
        let outcome = outcome(def, &job, returned);
        log(&job, &outcome, started);
        outcome
    }
    .instrument(span)
    .await;
    shared.settle(&job, outcome);
}

/// Calls the task, within its timeout, and catches its panics.
async fn perform(shared: &Arc<Shared>, def: &'static TaskDef, job: &Arc<Job>) -> Returned {
    let context = Context::new(def, job.clone(), shared.state.clone());
    shared.hooks.started(job);
    let guarded = AssertUnwindSafe(async { (def.run)(context).await }).catch_unwind();
    match tokio::time::timeout(job.timeout(), guarded).await {
        Ok(Ok(returned)) => returned,
        Ok(Err(panic)) => Err(TaskError::new(format!("panicked: {}", panic_message(&*panic)))),
        Err(_) => Err(TaskError::new(format!("timed out after {:?}", job.timeout()))),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a value that is no text")
}

fn tell_hooks(shared: &Shared, job: &Job, returned: &Returned, started: Instant) {
    match returned {
        Ok(_) => shared.hooks.succeeded(job, started.elapsed()),
        Err(error) if matches!(error.next(), Next::Snooze(_)) => {}
        Err(error) => shared.hooks.failed(job, error),
    }
}

/// Logs how a run ended and what follows: whether the job runs again, and when, or has ended for good.
fn log(job: &Job, outcome: &Outcome, started: Instant) {
    let (run, runs) = (job.retries().saturating_add(1), job.max_retries());
    match outcome {
        Outcome::Success(_) | Outcome::Verify(_) => tracing::debug!(took = ?started.elapsed(), "succeeded"),
        Outcome::Retry(error, _) if job.is_last_run() => {
            tracing::error!(error, "failed; gave up after {run} of {runs} runs");
        }
        Outcome::Retry(error, delay) => {
            tracing::warn!(error, "failed in run {run} of {runs}; runs again in {}", in_seconds(*delay));
        }
        Outcome::Fail(error) => {
            tracing::error!(error, "failed for good: the error is fatal, so the job is not retried")
        }
        Outcome::Snooze(delay) => tracing::debug!("snoozed; runs again in {}", in_seconds(*delay)),
        Outcome::Release | Outcome::ReleaseUnknown => {}
    }
}

fn outcome(def: &TaskDef, job: &Job, returned: Returned) -> Outcome {
    match returned {
        Ok(_) if job.was_finished_by_task() => Outcome::Verify(def.options.keep),
        Ok(result) => Outcome::Success(result),
        Err(error) => match error.next() {
            Next::Fail => Outcome::Fail(storable(error.message())),
            Next::Snooze(delay) => Outcome::Snooze(delay),
            Next::Retry(delay) => {
                let delay = delay.unwrap_or_else(|| def.options.backoff.delay(job.retries().unsigned_abs()));
                Outcome::Retry(storable(error.message()), delay)
            }
        },
    }
}

/// The most bytes kept of a message: a task may put a whole document into its error.
const LONGEST_MESSAGE: usize = 64 << 10;

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
}

/// Makes a message storable: PostgreSQL stores every character in a text but NUL.
fn storable(message: &str) -> String {
    let text = cut(message).replace('\0', "\u{FFFD}");
    cut(&text).to_owned()
}
