//! The span of a publisher, noted on its jobs; and the spans of their runs, which refer to it.
//!
//! Spans are those of `tracing`. Where the program's subscriber has no layer of OpenTelemetry (of the version
//! that this library knows), nothing is noted and nothing added.

use std::collections::HashSet;
use std::sync::Arc;

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::job::Job;
use crate::types::job_request::JobRequest;
use crate::types::task_error::{RunResult, Then};
use crate::types::trace_context::{TRACEPARENT, TRACESTATE, Trace, TraceContext};

/// What a run is called in a trace, before the name of its task.
const RUN: &str = "pgjobs.run";

/// The span that this code runs in, as a publisher notes it; `None` outside of every trace.
pub(crate) fn current() -> Option<TraceContext> {
    let of = |context: &Context| context.span().span_context().clone();
    let here = of(&Span::current().context());
    let here = if here.is_valid() { here } else { of(&Context::current()) };
    here.is_valid().then(|| TraceContext {
        trace: u128::from_be_bytes(here.trace_id().to_bytes()),
        span: u64::from_be_bytes(here.span_id().to_bytes()),
        flags: here.trace_flags().to_u8(),
        state: Some(here.trace_state().header()).filter(|state| TraceContext::passes_on(state)),
    })
}

/// Notes the current span on these jobs, unless the publisher has noted one itself.
pub(crate) fn note(requests: &mut [JobRequest]) {
    let Some(here) = current() else { return };
    let parent = here.traceparent();
    for request in requests.iter_mut().filter(|request| request.meta(TRACEPARENT).is_none()) {
        request.note_if_it_fits(TRACEPARENT, &parent);
        if let Some(state) = &here.state {
            request.note_if_it_fits(TRACESTATE, state);
        }
    }
}

/// Says of which job a span is the run, and which span published it.
pub(crate) fn begin(span: &Span, job: &Job, relation: Trace) {
    let publisher = publisher(job).map(context);
    let parent = publisher.clone().filter(|_| relation == Trace::Child);
    let parent = parent.map_or_else(Context::new, |span| Context::new().with_remote_span_context(span));
    if span.set_parent(parent).is_err() {
        return; // nobody records it
    }
    if let Some(publisher) = publisher.filter(|_| relation == Trace::Link) {
        span.add_link(publisher);
    }
    describe(span, job.task());
    span.set_attribute("messaging.message.id", job.id().to_string());
    span.set_attribute("pgjobs.attempt", i64::from(job.attempt()));
}

/// Says of a joint run what it is, and which spans published its jobs: each once.
pub(crate) fn begin_joint<'a>(span: &Span, task: &str, jobs: impl ExactSizeIterator<Item = &'a Arc<Job>>) {
    if span.set_parent(Context::new()).is_err() {
        return;
    }
    let (number, mut known) = (jobs.len(), HashSet::new());
    for publisher in jobs.filter_map(|job| publisher(job)) {
        if known.insert((publisher.trace, publisher.span)) {
            span.add_link(context(publisher));
        }
    }
    describe(span, task);
    span.set_attribute("messaging.batch.message_count", i64::try_from(number).unwrap_or(i64::MAX));
}

/// What OpenTelemetry's conventions for messaging ask of every span that processes a message.
fn describe(span: &Span, task: &str) {
    span.record("otel.name", format!("{RUN} {task}"));
    span.record("otel.kind", "consumer");
    for (key, value) in [
        ("messaging.system", "pgjobs"),
        ("messaging.operation.name", RUN),
        ("messaging.operation.type", "process"),
    ] {
        span.set_attribute(key, value);
    }
    span.set_attribute("messaging.destination.name", task.to_owned());
}

/// Says how the run ended. Of an error only its kind: its text is the task's, and may hold what it was given.
pub(crate) fn end(span: &Span, job: &Job, result: &RunResult) {
    let Err(error) = result else {
        return span.set_attribute("pgjobs.outcome", "success");
    };
    let outcome = match error.then() {
        Then::Snooze(_) => "snooze",
        _ if job.is_cancelled() => "cancelled",
        Then::Retry(_) if !job.is_last_run() => "retry",
        Then::Retry(_) | Then::Fail => "fail",
    };
    span.set_attribute("pgjobs.outcome", outcome);
    if outcome == "retry" || outcome == "fail" {
        let kind = match () {
            () if error.is_panic() => "panic",
            () if error.is_timeout() => "timeout",
            () => "error",
        };
        span.set_attribute("error.type", Value::from(kind));
        span.set_status(Status::error(""));
    }
}

/// The span that published a job, if its notes name one.
fn publisher(job: &Job) -> Option<TraceContext> {
    TraceContext::of(job.claimed.meta.as_deref()?)
}

fn context(of: TraceContext) -> SpanContext {
    let state = of.state.and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let flags = TraceFlags::new(of.flags & TraceFlags::SAMPLED.to_u8());
    SpanContext::new(TraceId::from(of.trace), SpanId::from(of.span), flags, true, state)
}
