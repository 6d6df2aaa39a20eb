//! Runs of a user's own program, which sends its spans to a collector.

use std::process::{Command, Output};

use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use pgjobs_tests::{Db, output};

use crate::collector::Collector;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Runs what is due in the program, which sends to this place.
fn work(db: &Db, endpoint: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(["worker", "--burst"]).args(more).env("DATABASE_URL", &db.url);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    for unset in ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "RUST_LOG"] {
        command.env_remove(unset);
    }
    let said = output(&mut command);
    assert!(said.status.success(), "{said:?}");
    said
}

/// Publishes as a client of SQL does, with these notes.
async fn publish(db: &Db, task: &str, body: &str, meta: serde_json::Value) -> String {
    sqlx::query_scalar("select job_id::text from jobs.publish($1, $2::jsonb, i_meta => $3)")
        .bind(task)
        .bind(sqlx::types::Json(serde_json::from_str::<serde_json::Value>(body).unwrap()))
        .bind(sqlx::types::Json(meta))
        .fetch_one(&db.pool)
        .await
        .unwrap()
}

fn parent() -> serde_json::Value {
    serde_json::json!({ "traceparent": PARENT, "tracestate": "vendor=value" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_a_trace_of_its_own_with_a_link_to_its_publisher() {
    let (db, collector) = (Db::new().await, Collector::start().await);
    let id = publish(&db, "app.add", r#"{"args": [1, 2]}"#, parent()).await;
    work(&db, &collector.endpoint(), &[]);
    let [run] = &collector.named("pgjobs.run app.add")[..] else { panic!("{:?}", collector.received()) };
    assert_eq!(run.links(), [(TRACE.to_owned(), SPAN.to_owned())]);
    assert_eq!(run.span.links[0].trace_state, "vendor=value");
    assert!(run.parent().is_empty() && run.id().0 != TRACE, "{run:?}");
    assert_eq!(run.span.kind, i32::from(SpanKind::Consumer));
    assert_eq!(run.service, "app", "the program's name");
    let attributes = run.attributes();
    for (key, value) in [
        ("messaging.system", "pgjobs"),
        ("messaging.operation.name", "pgjobs.run"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "app.add"),
        ("messaging.message.id", id.as_str()),
        ("pgjobs.attempt", "1"),
        ("pgjobs.outcome", "success"),
    ] {
        assert_eq!(attributes.get(key).map(String::as_str), Some(value), "{key}: {attributes:?}");
    }
    assert!(!format!("{run:?}").contains("args"), "no arguments: {run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_and_a_re_driven_job_link_to_the_same_publisher() {
    let (db, collector) = (Db::new().await, Collector::start().await);
    publish(&db, "app.flaky", "{}", parent()).await;
    let failed = publish(&db, "app.broken", r#"{"args": ["a secret"]}"#, parent()).await;
    let said = work(&db, &collector.endpoint(), &[]);
    let log = String::from_utf8_lossy(&said.stderr);
    assert!(
        log.contains("task=app.broken attempt=1}: failed for good"),
        "what is for traces alone is not in it: {log}"
    );
    assert!(log.contains(&format!("`pgjobs inspect job {failed}`")), "the command to look: {log}");
    let again = "select count(*) from jobs.redrive(array[$1])";
    sqlx::query(again).bind(&failed).execute(&db.pool).await.unwrap();
    work(&db, &collector.endpoint(), &[]);
    work(&db, &collector.endpoint(), &[]);
    let runs = [collector.named("pgjobs.run app.flaky"), collector.named("pgjobs.run app.broken")].concat();
    assert_eq!(runs.len(), 5, "three attempts, one job and its re-drive: {runs:?}");
    assert!(runs.iter().all(|run| run.links() == [(TRACE.to_owned(), SPAN.to_owned())]), "{runs:?}");
    let outcomes: Vec<String> = runs.iter().map(|run| run.attributes()["pgjobs.outcome"].clone()).collect();
    assert_eq!(outcomes, ["retry", "retry", "success", "fail", "fail"]);
    let broken = &runs[3];
    let status = broken.span.status.clone().unwrap();
    assert_eq!((status.code, status.message.as_str()), (i32::from(StatusCode::Error), ""));
    assert_eq!(broken.attributes()["error.type"], "error");
    assert!(!format!("{:?}", collector.received()).contains("secret"), "an error may hold arguments");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_may_go_on_in_the_trace_of_its_publisher() {
    let (db, collector) = (Db::new().await, Collector::start().await);
    publish(&db, "app.relay", "{}", parent()).await;
    work(&db, &collector.endpoint(), &[]);
    let [relay] = &collector.named("pgjobs.run app.relay")[..] else { panic!("{:?}", collector.received()) };
    assert_eq!((relay.id().0.as_str(), relay.parent().as_str()), (TRACE, SPAN), "a child");
    assert_eq!(relay.links(), []);
    // What it published refers to its run, by itself.
    let [added] = &collector.named("pgjobs.run app.add")[..] else { panic!("{:?}", collector.received()) };
    assert_eq!(added.links(), [relay.id()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joint_run_links_to_the_publishers_of_all_its_jobs() {
    let (db, collector) = (Db::new().await, Collector::start().await);
    db.run("create table seen (job_id text, attempt integer, n bigint)").await;
    let spans = ["00f067aa0ba902b1", "00f067aa0ba902b2", "00f067aa0ba902b2"];
    for span in spans {
        let meta = serde_json::json!({ "traceparent": format!("00-{TRACE}-{span}-01") });
        publish(&db, "app.batch", r#"{"args": [1]}"#, meta).await;
    }
    work(&db, &collector.endpoint(), &[]);
    let all = collector.named("pgjobs.run app.batch");
    let (joint, single): (Vec<_>, Vec<_>) =
        all.iter().partition(|run| run.attributes().contains_key("messaging.batch.message_count"));
    let [joint] = &joint[..] else { panic!("one joint run: {all:?}") };
    assert_eq!((single.len(), joint.attributes()["messaging.batch.message_count"].as_str()), (3, "3"));
    let links = joint.links();
    for span in &spans[..2] {
        let to = links.iter().filter(|(_, linked)| linked == span).count();
        assert_eq!(to, 1, "each publisher once: {links:?}");
    }
    assert!(single.iter().all(|run| links.contains(&run.id())), "and to the runs of its jobs: {links:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_notes_are_no_trace_and_the_job_runs() {
    let (db, collector) = (Db::new().await, Collector::start().await);
    let long = format!("{PARENT}-{}", "0".repeat(3000));
    for bad in [
        "",
        "00-00-00-00",
        long.as_str(),
        "\u{1b}[2J",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    ] {
        publish(&db, "app.relay", "{}", serde_json::json!({ "traceparent": bad })).await;
    }
    for odd in
        [serde_json::json!({ "traceparent": 7 }), serde_json::json!({ "traceparent": { "a": [PARENT] } })]
    {
        publish(&db, "app.relay", "{}", odd).await;
    }
    let state = serde_json::json!({ "traceparent": PARENT, "tracestate": "=\u{1},,," });
    publish(&db, "app.add", r#"{"args": [1, 2]}"#, state).await;
    work(&db, &collector.endpoint(), &[]);
    let runs = collector.named("pgjobs.run app.relay");
    assert_eq!(runs.len(), 7);
    assert!(runs.iter().all(|run| run.links().is_empty() && run.parent().is_empty()), "{runs:?}");
    let added = collector.named("pgjobs.run app.add");
    let linked = added.iter().filter(|run| run.links() == [(TRACE.to_owned(), SPAN.to_owned())]).count();
    assert_eq!((added.len(), linked), (8, 1), "a bad state takes nothing from its trace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_stops_no_job_and_is_named_once() {
    let db = Db::new().await;
    publish(&db, "app.add", r#"{"args": [1, 2]}"#, parent()).await;
    let said = work(&db, "http://user:tok-SECRET@127.0.0.1:1", &[]);
    let text = String::from_utf8_lossy(&said.stderr);
    assert_eq!(text.matches("spans are not sent to 127.0.0.1:1").count(), 1, "{text}");
    assert!(!text.contains("SECRET"), "{text}");
    assert!(text.contains("traces sent"), "the banner says that they are on: {text}");
    let ended = db.one::<i64>("select count(*) from jobs.job where status = 'success'").await;
    assert_eq!(ended, 1);
    let said = work(&db, "https://127.0.0.1:1", &[]);
    assert!(!String::from_utf8_lossy(&said.stderr).contains("panicked"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_job_shows_the_trace_and_only_other_notes() {
    let db = Db::new().await;
    let inspect = |id: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["inspect", "job", id]).args(more).env("DATABASE_URL", &db.url);
        let said = output(&mut command);
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).unwrap()
    };
    let notes = serde_json::json!({ "traceparent": PARENT, "tracestate": "a=1", "tenant": 7 });
    let id = publish(&db, "app.add", r#"{"args": [1, 2]}"#, notes).await;
    let shown = inspect(&id, &[]);
    assert!(shown.contains(&format!("Trace            {TRACE}\n")), "{shown}");
    assert!(shown.contains("\"tenant\": 7") && !shown.contains("tracestate"), "{shown}");
    let document: serde_json::Value = serde_json::from_str(&inspect(&id, &["--json"])).unwrap();
    assert_eq!((&document["trace_id"], &document["meta"]["traceparent"]), (&TRACE.into(), &PARENT.into()));
    let alone = publish(&db, "app.add", r#"{"args": [1, 2]}"#, parent()).await;
    assert!(!inspect(&alone, &[]).contains("Meta"), "no empty notes");
    let odd = publish(&db, "app.add", r#"{"args": [1, 2]}"#, serde_json::json!({ "traceparent": "x" })).await;
    let shown = inspect(&odd, &[]);
    assert!(
        shown.contains("\"traceparent\": \"x\"") && !shown.contains("Trace "),
        "what is no trace is a note: {shown}"
    );
}
