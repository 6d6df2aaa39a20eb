//! OpenTelemetry: where the trace of a publisher goes on, in the worker that runs its jobs.
//!
//! With feature `otel` and a layer of crate `tracing-opentelemetry` in the program's subscriber:
//!
//! - **Publishers** note the span that they run in on each job, in its meta: `traceparent` and `tracestate`,
//!   as the W3C's Trace Context writes them. A note of the publisher's own stays.
//! - **Runs** are spans named `pgjobs.run` and the task, of the kind *consumer*, with the attributes of
//!   OpenTelemetry's conventions for messaging. Each is a trace of its own with a link to its publisher's
//!   span, or with `#[task(trace = "child")]` a part of the publisher's trace ([`Trace`](crate::Trace)). A
//!   joint run of a batch handler links to the publishers of all its jobs.
//! - **What a task publishes** while it runs refers to its run in the same way.
//!
//! A program of `pgjobs::cli::main()` sends its spans to where OTEL_EXPORTER_OTLP_ENDPOINT says, and needs no
//! more. Any other program sets up its subscriber itself:
//!
//! ```
//! use opentelemetry::trace::TracerProvider;
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use tracing_subscriber::{Layer, filter::LevelFilter, prelude::*};
//!
//! let provider = SdkTracerProvider::builder().build(); // with your exporter
//! let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
//! tracing_subscriber::registry().with(spans.with_filter(LevelFilter::INFO)).init();
//! ```
//!
//! No type of OpenTelemetry is in the interface of this library, only text: with other versions of its
//! crates than this library knows (0.33, and 0.34 of `tracing-opentelemetry`) nothing is noted by itself. A
//! publish layer then notes it ([`on_publish`](crate::on_publish)), and a layer of the worker reads it
//! ([`Job::meta`](crate::Job::meta)).

use crate::task::trace;

/// The span that this code runs in as a `traceparent`; `None` outside of every trace.
///
/// For publishers that pgjobs does not see, such as a statement of your own:
/// `select jobs.publish('mail.welcome', $1, i_meta => jsonb_build_object('traceparent', $2))`.
///
/// ```
/// if let Some(parent) = pgjobs::otel::traceparent() {
///     println!("published in {parent}"); // 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
/// }
/// ```
pub fn traceparent() -> Option<String> {
    trace::current().map(|here| here.traceparent())
}
