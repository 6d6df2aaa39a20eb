//! Traces of OpenTelemetry: a request and the runs of the jobs that it published lead to each other.
//!
//! ```text
//! cargo run --example otel
//! ```
//!
//! A letter may be sent hours later, so its run is a trace of its own with a link to the request; a preview
//! belongs to the request, so its run is a part of the request's trace. Spans are kept in memory here; a
//! program of `pgjobs::cli::main()` with feature `otel` sends them where OTEL_EXPORTER_OTLP_ENDPOINT says.

use std::error::Error;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use pgjobs::{TaskError, Worker, task};
use sqlx::PgPool;
use tracing::Instrument;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends a letter, at some time.
#[task(name = "otel.letter")]
async fn letter(to: String) -> Result<(), TaskError> {
    tracing::info_span!("smtp").in_scope(|| println!("a letter to {to}"));
    Ok(())
}

/// Makes what the page shows next.
#[task(name = "otel.preview", trace = "child")]
async fn preview(of: String) -> Result<(), TaskError> {
    println!("a preview for {of}");
    Ok(())
}

/// Handles a request: what it publishes notes the span in which it runs.
async fn request(pool: &PgPool) -> Result<(), pgjobs::Error> {
    letter::publish(pool, "ada".to_owned()).await?;
    preview::publish(pool, "ada".to_owned()).await?;
    Ok(())
}

/// How a span belongs to others.
fn place(span: &SpanData, spans: &[SpanData]) -> String {
    let name =
        |id| spans.iter().find(|other| other.span_context.span_id() == id).map(|other| other.name.as_ref());
    if let Some(parent) = name(span.parent_span_id) {
        return format!("within `{parent}`");
    }
    let linked = span.links.iter().find_map(|link| name(link.span_context.span_id()));
    linked.map_or("a trace".to_owned(), |link| format!("a trace, linked to `{link}`"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO)).init();

    let (_database, pool) = pgjobs_examples::database().await?;
    request(&pool).instrument(tracing::info_span!("POST /sign-ups")).await?;
    Worker::new(pool.clone()).topic("otel.*").concurrency(1).burst().run().await?;

    provider.force_flush()?;
    let spans = exporter.get_finished_spans()?;
    for span in &spans {
        println!("{}: {}", span.name, place(span, &spans));
    }
    Ok(())
}
