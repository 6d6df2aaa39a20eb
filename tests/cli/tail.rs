//! `tail`.

use pgjobs_tests::Db;
use serde_json::Value;

use crate::app::{Running, bare, on, run};

/// Publishes this job and works it off.
fn work(db: &Db, publish: &[&str]) -> String {
    let id = run(on(&db.url, &["publish"]).args(publish)).data();
    let said = run(&mut on(&db.url, &["worker", "--burst", "--quiet"]));
    assert_eq!(said.code, Some(0), "{said:?}");
    id
}

/// Starts it where everything is watched; it goes on from a position that was before.
async fn tail(db: &Db, arguments: &[&str]) -> Running {
    let position = db.one::<String>("select jobs.event_position()").await;
    Running::start(on(&db.url, &["tail", "--after", &position]).args(arguments))
}

#[tokio::test]
async fn it_prints_a_line_for_each_event_until_it_is_interrupted() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["watch", "add", "*"])).data();
    let mut lines = tail(&db, &[]).await;
    let id = work(&db, &["app.add", "--args", "[1, 2]"]);
    for (kind, attempt) in [("queued", ""), ("picked", " attempt 1"), ("completed", " attempt 1")] {
        let line = lines.line();
        assert!(line.contains(&format!(" {kind:<9} app.add {id}{attempt}")), "{line}");
    }
    lines.signal("-INT");
    let said = lines.end();
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
}

#[tokio::test]
async fn its_filters_leave_the_rest_out_and_json_is_a_document_a_line() {
    let db = Db::new().await;
    run(&mut on(&db.url, &["watch", "add", "*"])).data();
    let mut failures = tail(&db, &["--json", "--task", "app.broken", "--kind", "failed"]).await;
    work(&db, &["app.add", "--args", "[1, 2]"]);
    let id = work(&db, &["app.broken", "--kwarg", "reason=a secret"]);
    let line = failures.line();
    let document: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let event = &document["event"];
    assert_eq!((&event["kind"], &event["job_id"]), (&"failed".into(), &id.clone().into()), "{line}");
    assert!(event["position"].is_string() && !line.contains("secret"), "{line}");
    failures.signal("-TERM");
    assert_eq!(failures.end().code, Some(0));
    let mut odd = Running::start(&mut on(&db.url, &["tail", "--json", "--after", "no position"]));
    assert!(odd.line().starts_with(r#"{"resync":"#));
    odd.signal("-INT");
    odd.end();
}

#[tokio::test]
async fn who_watches_nothing_is_told_so() {
    let db = Db::new().await;
    let mut waits = Running::start(&mut on(&db.url, &["tail"]));
    let said = waits.error_line("nothing will come");
    assert!(said.contains("watch add"), "{said}");
    waits.signal("-INT");
    assert_eq!(waits.end().code, Some(0));
    let said = run(&mut bare(&["tail", "--kind", "exploded"]));
    assert!(said.code == Some(2) && said.err.contains("possible values"), "{said:?}");
}
