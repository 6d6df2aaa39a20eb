//! `publish`.

use pgjobs_tests::Db;
use serde_json::json;

use crate::app::{Running, on, run};

#[tokio::test]
async fn it_prints_the_id_of_the_job() {
    let db = Db::new().await;
    let id = run(&mut on(&db.url, &["publish", "mail.send"])).data();
    assert_eq!(db.one::<String>("select job_id from jobs.job_queue").await, id);
    let document = run(&mut on(&db.url, &["publish", "mail.send", "--json"])).json();
    assert_eq!(document["job_id"].as_str().map(str::len), Some(32));
}

#[tokio::test]
async fn arguments_are_json_or_text_in_the_order_given() {
    let db = Db::new().await;
    let given = [
        "--args",
        "[1]",
        "--arg",
        "two",
        "--arg",
        "-3",
        "--arg",
        "\"4\"",
        "--kwargs",
        "{\"a\": 5}",
        "--kwarg",
        "b=six=6",
    ];
    run(on(&db.url, &["publish", "mail.send"]).args(given)).data();
    let body: serde_json::Value = db.one("select body from jobs.job_queue").await;
    assert_eq!(body, json!({ "args": [1, "two", -3, "4"], "kwargs": { "a": 5, "b": "six=6" } }));
}

#[tokio::test]
async fn notes_and_tags_reach_the_job_and_are_shown() {
    let db = Db::new().await;
    let notes = ["--meta", "tenant=7", "--meta", "by=ana", "--tag", "vip"];
    let id = run(on(&db.url, &["publish", "mail.send"]).args(notes)).data();
    let meta = json!({ "tenant": 7, "by": "ana", "tags": ["vip"] });
    assert_eq!(run(&mut on(&db.url, &["inspect", "job", &id, "--json"])).json()["meta"], meta);
    assert_eq!(run(&mut on(&db.url, &["inspect", "jobs", "--json"])).json()["jobs"][0]["meta"], meta);
    let shown = run(&mut on(&db.url, &["inspect", "job", &id])).data();
    assert!(shown.contains("Meta") && shown.contains("\"vip\""), "{shown}");
}

#[tokio::test]
async fn options_reach_the_job() {
    let db = Db::new().await;
    let options =
        ["--priority", "-7", "--retries", "4", "--timeout", "1m30s", "--at", "2035-01-31T09:00:00+01:00"];
    let id = run(on(&db.url, &["publish", "mail.send"]).args(options)).data();
    let job = run(&mut on(&db.url, &["inspect", "job", &id, "--json"])).json();
    assert_eq!(job["priority"], -7);
    assert_eq!(job["max_retries"], 4);
    assert_eq!(job["timeout"], 90.0);
    assert_eq!(job["scheduled_at"], "2035-01-31T08:00:00Z");

    run(&mut on(&db.url, &["publish", "mail.later", "--delay", "2h"])).data();
    let hours = "select round(extract(epoch from scheduled_at - jobs.now()) / 3600)::int from jobs.job_queue where task = 'mail.later'";
    assert_eq!(db.one::<i32>(hours).await, 2);
}

#[tokio::test]
async fn what_the_database_refuses_ends_with_1() {
    let db = Db::new().await;
    let said = run(&mut on(&db.url, &["publish", "mail.send", "--retries", "0", "--json"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.json()["error"]["exit_code"], 1);
}

#[tokio::test]
async fn what_a_publish_layer_of_the_program_refuses_ends_with_1() {
    let db = Db::new().await;
    let said = run(&mut on(&db.url, &["publish", "app.closed"]));
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    let reason = "task `app.closed`: a publish layer of this program refused the job: closed for today";
    assert!(said.err.contains(reason), "{said:?}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
}

#[tokio::test]
async fn wait_prints_the_result_of_a_running_worker() {
    let db = Db::new().await;
    let worker = Running::start(&mut on(&db.url, &["worker"]));
    let said = run(&mut on(&db.url, &["publish", "app.add", "--arg", "1", "--arg", "2", "--wait"]));
    assert_eq!(said.data(), "3");
    let document = run(&mut on(&db.url, &["publish", "app.flaky", "--wait", "--json"])).json();
    assert_eq!(document["state"], "success");
    assert_eq!(document["result"], 3);
    worker.signal("-TERM");
    assert_eq!(worker.end().code, Some(0));
}

#[tokio::test]
async fn wait_ends_with_1_when_the_job_fails() {
    let db = Db::new().await;
    let _worker = Running::start(&mut on(&db.url, &["worker"]));
    let said =
        run(&mut on(&db.url, &["publish", "app.broken", "--kwarg", "reason=no luck", "--wait", "--json"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("ended as failed: no luck"), "{said:?}");
    let document = said.json();
    assert_eq!(document["state"], "failed");
    assert!(document["error"]["message"].as_str().unwrap().contains("no luck"));
}

#[tokio::test]
async fn wait_gives_up_in_time_and_says_when_nobody_can_run_the_job() {
    let db = Db::new().await;
    let said = run(&mut on(&db.url, &["publish", "mail.send", "--wait", "--wait-timeout", "200ms"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("no worker ever declared task `mail.send`"), "{said:?}");
    assert!(said.err.contains("has not ended"), "{said:?}");
}
