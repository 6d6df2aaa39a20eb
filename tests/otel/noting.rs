//! What a publisher with a span of its own notes on its jobs.

use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use pgjobs::{NewJob, Tx, task};
use pgjobs_tests::{Db, subscribe};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

#[task(name = "noted")]
async fn noted(n: i64) {
    let _ = n;
}

/// A subscriber of this thread with OpenTelemetry's layer.
fn traced() -> tracing::subscriber::DefaultGuard {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    subscribe(tracing_subscriber::registry().with(layer))
}

/// The notes of all jobs, oldest first.
async fn notes(db: &Db) -> Vec<Option<serde_json::Value>> {
    let rows = "select meta from jobs.\"all\" order by id";
    sqlx::query_scalar(rows).fetch_all(&db.pool).await.unwrap()
}

#[tokio::test]
async fn every_way_to_publish_notes_the_span_that_it_runs_in() {
    let db = Db::new().await;
    let _traced = traced();
    let span = tracing::info_span!("request");
    async {
        noted::publish(&db.pool, 1).await.unwrap();
        NewJob::named("noted").arg(2).meta("tenant", 7).publish(&db.pool).await.unwrap();
        pgjobs::publish_all(&db.pool, [noted::new(3), noted::new(4)]).await.unwrap();
        let tx = Tx::begin(&db.pool).await.unwrap();
        noted::publish(&tx, 5).await.unwrap();
        tx.commit().await.unwrap();
        pgjobs::workflow::group([noted::new(6), noted::new(7)]).publish(&db.pool).await.unwrap();
    }
    .instrument(span.clone())
    .await;
    let context = span.context().span().span_context().clone();
    let parent = format!("00-{}-{}-01", context.trace_id(), context.span_id());
    let notes = notes(&db).await;
    assert_eq!(notes.len(), 7);
    for meta in notes.iter().flatten() {
        assert_eq!(meta["traceparent"], parent.as_str(), "{notes:?}");
        assert_eq!(meta.get("tracestate"), None, "there is none");
    }
    assert_eq!(notes[1].as_ref().unwrap()["tenant"], 7, "beside the publisher's own notes");
    let said = span.in_scope(pgjobs::otel::traceparent);
    assert_eq!(said, Some(parent), "the same for publishers in SQL");
}

#[tokio::test]
async fn nothing_is_noted_outside_of_a_trace_or_over_a_note_of_ones_own() {
    let db = Db::new().await;
    let work = async { noted::publish(&db.pool, 1).await };
    work.instrument(tracing::info_span!("nobody records it")).await.unwrap();
    let _traced = traced();
    assert_eq!(pgjobs::otel::traceparent(), None);
    noted::publish(&db.pool, 2).await.unwrap();
    let span = tracing::info_span!("request");
    let own = noted::publish(&db.pool, 3).meta("traceparent", "mine");
    async { own.await }.instrument(span).await.unwrap();
    assert_eq!(notes(&db).await, [None, None, Some(serde_json::json!({ "traceparent": "mine" }))]);
}

/// A trace is never the reason that a job is refused.
#[tokio::test]
async fn notes_that_are_nearly_too_large_get_no_trace() {
    let db = Db::new().await;
    let _traced = traced();
    let large: Vec<u8> = vec![1; 1355]; // `[1, 1, …]`: in the database half as long again as here
    let work = async { noted::publish(&db.pool, 1).meta("large", &large).await };
    work.instrument(tracing::info_span!("request")).await.unwrap();
    let notes = notes(&db).await;
    assert!(notes[0].as_ref().is_some_and(|meta| meta.get("traceparent").is_none()), "{notes:?}");
}
