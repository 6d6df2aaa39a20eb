//! The progress and the log of a job: `inspect job`, and `inspect job --follow`.

use std::process::Output;

use pgjobs_tests::{Db, output, until};
use serde_json::Value;

use crate::app::{Running, folder, on, run};

/// A job of `app.talk` that is published, the file for which it waits, and how it is going to end.
async fn talking(db: &Db, ending: &str) -> (String, String) {
    let file = folder().join("go").to_str().unwrap().to_owned();
    let arguments = serde_json::json!([file, ending]).to_string();
    let said = run(&mut on(&db.url, &["publish", "app.talk", "--args", &arguments, "--json"])).json();
    (said["job_id"].as_str().unwrap().to_owned(), file)
}

#[tokio::test]
async fn a_job_is_followed_to_its_end() {
    let db = Db::new().await;
    let (id, file) = talking(&db, "well").await;
    let _worker = Running::start(&mut on(&db.url, &["worker", "--topic", "app.talk"]));
    let mut follow = Running::start(&mut on(&db.url, &["inspect", "job", &id, "--follow", "--json"]));
    let mut lines: Vec<Value> = Vec::new();
    while !lines.iter().any(|line| line["progress"]["done"] == 1.0) {
        lines.push(serde_json::from_str(&follow.line()).unwrap());
    }
    std::fs::write(file, "").unwrap();
    while lines.last().is_none_or(|line| line["state"] != "success") {
        lines.push(serde_json::from_str(&follow.line()).unwrap());
    }
    let log: Vec<&str> = lines.iter().filter_map(|line| line["log"]["message"].as_str()).collect();
    assert_eq!(log, ["read\nall", "the last line"]);
    let read = lines.iter().find(|line| line["log"]["message"] == "read\nall").unwrap();
    assert_eq!((&read["log"]["fields"]["rows"], &read["log"]["position"]), (&3.into(), &1_000_001.into()));
    assert!(lines.iter().any(|line| line["progress"]["done"] == 4.0 && line["progress"]["note"].is_null()));
    let states: Vec<&str> = lines.iter().filter_map(|line| line["state"].as_str()).collect();
    assert_eq!(states.last(), Some(&"success"));
    // Once more, after its end: all of it at once.
    let said = run(&mut on(&db.url, &["inspect", "job", &id, "--follow"]));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out.contains("WARN  app: the last line") && said.out.contains("progress 4 of 4 (100 %)"),
        "{said:?}"
    );
    assert!(said.out.contains(r"read\u{a}all rows=3"), "on one line: {said:?}");
}

#[tokio::test]
async fn following_a_job_that_fails_ends_with_its_error() {
    let db = Db::new().await;
    let (id, file) = talking(&db, "no luck").await;
    std::fs::write(file, "").unwrap();
    run(&mut on(&db.url, &["worker", "--burst"])).data();
    let Output { status, stderr, .. } = output(&mut on(&db.url, &["inspect", "job", &id, "--follow"]));
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains(&format!("the job {id} is failed: no luck")), "{stderr}");
}

#[tokio::test]
async fn a_killed_worker_leaves_what_it_had_sent() {
    let db = Db::new().await;
    let (id, _) = talking(&db, "well").await;
    let worker = Running::start(&mut on(&db.url, &["worker", "--topic", "app.talk"]));
    until("it is sent", async || db.one::<i64>("select count(*) from jobs.progress, jobs.log").await == 1)
        .await;
    drop(worker); // SIGKILL
    let text = run(&mut on(&db.url, &["inspect", "job", &id])).data();
    assert!(text.contains(r"Progress         1 of 4 (25 %), reading\u{1b}[2J ("), "{text}");
    assert!(text.contains("INFO  app: read"), "{text}");
    let document = run(&mut on(&db.url, &["inspect", "job", &id, "--json"])).json();
    assert_eq!((&document["progress"][0]["total"], &document["state"]), (&4.0.into(), &"running".into()));
    let explained = run(&mut on(&db.url, &["explain", &id])).data();
    assert!(explained.contains("has done 1 of 4 (25 %)"), "{explained}");
    assert!(!explained.contains("reading"), "the note is not for everybody: {explained}");
}
