//! One run of one job, from its start to its outcome.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use sqlx::PgPool;
use tracing::{Instrument, Span};

use super::outage::in_seconds;
use super::shared::Shared;
use crate::db::settle::Outcome;
use crate::publish::finish_with_jobs;
use crate::task::definition::TaskDef;
use crate::task::job::Job;
use crate::task::joint::meeting::Seat;
use crate::task::layer::Next;
#[cfg(feature = "logs")]
use crate::task::log_span;
#[cfg(feature = "otel")]
use crate::task::trace;
use crate::types::task_error::{RunResult, TaskError, Then};

/// `seat`: where it meets the other jobs of its joint run.
pub(super) async fn run(shared: &Arc<Shared>, job: Arc<Job>, seat: Option<Seat>) {
    if !shared.in_flight.begin(&job) {
        return; // taken out while it waited for the runtime
    }
    if job.must_be_counted_first() && !shared.count_start(&job).await {
        return shared.settle(&job, Outcome::Release);
    }
    let span = open(shared, &job);
    let outcome = async {
        let started = Instant::now();
        let Some(def) = shared.registry.get(job.task()) else {
            return Outcome::Release; // claims name only tasks that are registered here
        };
        let run = Next::all(&shared.layers, def, &job, &shared.state).seated(seat).run();
        let result = match def.options.warn_after {
            None => run.await,
            Some(age) => warn_after(age, &job, run).await,
        };
        let result = match result {
            Ok(result) if job.publishes_on_success() => publish_and_finish(shared, &job, result).await,
            result => result,
        };
        let result = result.map_err(|error| without_secrets(&job, error));
        #[cfg(feature = "otel")]
        trace::end(&Span::current(), &job, &result);
        let outcome = outcome(def, &job, result);
        shared.meters.ran(&job, started, &outcome);
        match job.is_cancelled() {
            true => tracing::info!(took = ?started.elapsed(), "ended after it was cancelled"),
            false => log(&job, &outcome, started),
        }
        outcome
    }
    .instrument(span)
    .await;
    shared.settle(&job, outcome);
}

/// Ends the job in one transaction with the jobs that its run publishes with its success.
async fn publish_and_finish(shared: &Shared, job: &Job, result: Box<RawValue>) -> RunResult {
    let pool = shared.state.get::<PgPool>(job.task())?;
    let finished = finish_with_jobs(&pool, job, &result).await;
    finished.map_err(|error| TaskError::new(format!("publishing on success: {error}")))?;
    Ok(result)
}

/// Opens the span of a run. What the run says from here on, the worker sends.
fn open(shared: &Shared, job: &Job) -> Span {
    let options = shared.registry.get(job.task()).map(|def| def.options);
    let secrets = shared.registry.secrets(job.task(), job.body());
    job.opens(&shared.outbox, options.and_then(|options| options.log), secrets, &shared.state);
    let new = || new_span(job, shared.server());
    #[cfg(feature = "logs")]
    let span = log_span::open(job.log_notes(), new);
    #[cfg(not(feature = "logs"))]
    let span = new();
    #[cfg(feature = "otel")]
    trace::begin(&span, job, options.map(|options| options.trace).unwrap_or_default());
    span
}

/// The names of OpenTelemetry are filled where it is there.
fn new_span(job: &Job, server: Option<&str>) -> Span {
    use tracing::field::Empty;
    tracing::info_span!("job", job.id = %job.id(), task = %job.task(), attempt = job.attempt(), server,
        otel.name = Empty, otel.kind = Empty)
}

/// Runs this, and logs a warning when it takes longer than so long.
async fn warn_after<R>(age: Duration, job: &Job, run: impl Future<Output = R>) -> R {
    let mut run = std::pin::pin!(run);
    if let Ok(result) = tokio::time::timeout(age, &mut run).await {
        return result;
    }
    job.ending().note_late();
    tracing::warn!(
        "runs longer than {} (warn_after); its time is over after {}",
        in_seconds(age),
        in_seconds(job.timeout())
    );
    run.await
}

/// Logs how a run ended and what follows: whether the job runs again, and when, or has ended for good. Of a
/// failure on one line what a person needs to act: the span names the job, its task and the attempt.
fn log(job: &Job, outcome: &Outcome, started: Instant) {
    let (run, runs, id) = (job.retries().saturating_add(1), job.max_retries(), job.id());
    match outcome {
        Outcome::Success(_) | Outcome::Verify => tracing::debug!(took = ?started.elapsed(), "succeeded"),
        Outcome::Retry(error, _) if job.is_last_run() => tracing::error!(
            error = &*on_one_line(error),
            "failed; gave up after {run} of {runs} runs (`pgjobs inspect job {id}`)"
        ),
        Outcome::Retry(error, delay) => tracing::warn!(
            error = &*on_one_line(error),
            "failed in run {run} of {runs}; runs again in {} (`pgjobs inspect job {id}`)",
            in_seconds(*delay)
        ),
        Outcome::Fail(error) => tracing::error!(
            error = &*on_one_line(error),
            "failed for good in run {run} of {runs}: the error is fatal, so the job is not retried \
             (`pgjobs inspect job {id}`)"
        ),
        Outcome::Snooze(delay) => tracing::debug!("snoozed; runs again in {}", in_seconds(*delay)),
        Outcome::Release | Outcome::ReleaseUnknown => {}
    }
}

/// The most characters of an error in the log; the job has all of it.
const LONGEST_LINE: usize = 300;

/// The first line of an error that says something, with `…` where there is more.
fn on_one_line(error: &str) -> Cow<'_, str> {
    let text = error.trim();
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]).into(),
        None if line.len() < text.len() => format!("{line} …").into(),
        None => line.into(),
    }
}

/// The error as it may be kept, logged and traced.
fn without_secrets(job: &Job, error: TaskError) -> TaskError {
    match job.secrets().map(|secrets| secrets.hide(error.message()).into_owned()) {
        Some(message) => error.saying(message),
        None => error,
    }
}

fn outcome(def: &TaskDef, job: &Job, result: RunResult) -> Outcome {
    match result {
        Ok(_) if job.was_finished_by_task() => Outcome::Verify,
        Ok(result) => Outcome::Success(result),
        Err(error) => match error.then() {
            Then::Fail => Outcome::Fail(storable(error.message())),
            Then::Snooze(delay) => Outcome::Snooze(delay),
            Then::Retry(delay) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_the_log_is_one_line_that_says_where_it_was_cut() {
        assert_eq!(on_one_line("no such user"), "no such user");
        assert_eq!(on_one_line("\n\n first\nsecond\n"), "first …");
        assert_eq!(on_one_line(""), "");
        let long = on_one_line(&"é".repeat(301)).into_owned();
        assert_eq!(long, "é".repeat(300) + "…");
    }
}
