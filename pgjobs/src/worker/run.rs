//! One run of one job, from its start to its verdict.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use serde_json::value::RawValue;
use tracing::Instrument;

use super::outage::in_seconds;
use super::shared::Shared;
use crate::context::Context;
use crate::job::Job;
use crate::outcome::{Next, TaskError};
use crate::sql::settle::Verdict;
use crate::task::TaskDef;

type Outcome = Result<Box<RawValue>, TaskError>;

pub(super) async fn run(shared: &Arc<Shared>, job: Arc<Job>) {
    if !shared.held.begin(&job) {
        return; // taken out while it waited for this runtime
    }
    if job.must_be_counted_first() && !shared.count_start(&job).await {
        return shared.settle(&job, Verdict::Release);
    }
    let span = tracing::info_span!("job", job.id = %job.id(), task = %job.task(), attempt = job.attempt());
    let verdict = async {
        let started = Instant::now();
        let Some(def) = shared.registry.get(job.task()) else {
            return Verdict::Release; // claims name only tasks that are registered here
        };
        let outcome = perform(shared, def, &job).await;
        tell_hooks(shared, &job, &outcome, started);
        let verdict = verdict(def, &job, outcome);
        log(&job, &verdict, started);
        verdict
    }
    .instrument(span)
    .await;
    shared.settle(&job, verdict);
}

/// Calls the task: within its timeout, and with its panics caught.
async fn perform(shared: &Arc<Shared>, def: &'static TaskDef, job: &Arc<Job>) -> Outcome {
    let context = Context::new(def, job.clone(), shared.state.clone());
    shared.hooks.started(job);
    let guarded = AssertUnwindSafe(async { (def.run)(context).await }).catch_unwind();
    match tokio::time::timeout(job.timeout(), guarded).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(TaskError::new(format!("panicked: {}", panic_message(&*panic)))),
        Err(_) => Err(TaskError::new(format!("timed out after {:?}", job.timeout()))),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a value that is no text")
}

fn tell_hooks(shared: &Shared, job: &Job, outcome: &Outcome, started: Instant) {
    match outcome {
        Ok(_) => shared.hooks.succeeded(job, started.elapsed()),
        Err(error) if matches!(error.next(), Next::Snooze(_)) => {}
        Err(error) => shared.hooks.failed(job, error),
    }
}

/// Says how a run ended and what follows: whether it runs again, and when, or has ended for good.
fn log(job: &Job, verdict: &Verdict, started: Instant) {
    let (run, runs) = (job.retries().saturating_add(1), job.max_retries());
    match verdict {
        Verdict::Success(_) | Verdict::Verify(_) => tracing::debug!(took = ?started.elapsed(), "succeeded"),
        Verdict::Retry(error, _) if job.is_last_run() => {
            tracing::error!(error, "failed; gave up after {run} of {runs} runs");
        }
        Verdict::Retry(error, delay) => {
            tracing::warn!(error, "failed in run {run} of {runs}; runs again in {}", in_seconds(*delay));
        }
        Verdict::Fail(error) => tracing::error!(error, "failed for good: by its own word no run can mend it"),
        Verdict::Snooze(delay) => tracing::debug!("snoozed; runs again in {}", in_seconds(*delay)),
        Verdict::Release | Verdict::Disown => {}
    }
}

fn verdict(def: &TaskDef, job: &Job, outcome: Outcome) -> Verdict {
    match outcome {
        Ok(_) if job.was_finished_by_task() => Verdict::Verify(def.options.keep),
        Ok(result) => Verdict::Success(result),
        Err(error) => match error.next() {
            Next::Fail => Verdict::Fail(storable(error.message())),
            Next::Snooze(delay) => Verdict::Snooze(delay),
            Next::Retry(delay) => {
                let delay = delay.unwrap_or_else(|| def.options.backoff.delay(job.retries().unsigned_abs()));
                Verdict::Retry(storable(error.message()), delay)
            }
        },
    }
}

/// As many bytes of a message as are kept: a task may put a whole document into its error.
const LONGEST_MESSAGE: usize = 64 << 10;

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
}

/// PostgreSQL stores every character in a text but NUL.
fn storable(message: &str) -> String {
    let text = cut(message).replace('\0', "\u{FFFD}");
    cut(&text).to_owned()
}
