//! `inspect`.

use pgjobs_tests::Db;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::app::{Running, on, run};

async fn worked() -> Db {
    let db = Db::new().await;
    for arguments in [
        &["app.add", "--args", "[1, 2]"][..],
        &["app.broken", "--kwarg", "reason=no luck"],
        &["app.nobody"],
        &["app.add", "--args", "[1, 2]", "--delay", "2h"],
    ] {
        run(on(&db.url, &["publish"]).args(arguments)).data();
    }
    run(&mut on(&db.url, &["worker", "--burst"])).data();
    db
}

#[tokio::test]
async fn bare_it_counts_jobs_by_task_and_state() {
    let db = worked().await;
    let text = run(&mut on(&db.url, &["inspect"])).data();
    let row = |task: &str| {
        let line = text.lines().find(|line| line.starts_with(task)).unwrap_or_else(|| panic!("{text}"));
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("app.add"), "0 1 0 1 0 0 -");
    assert_eq!(row("app.broken"), "0 0 0 0 1 0 -");
    assert!(row("app.nobody").starts_with("1 0 0 0 0 0 "), "{text}");
    let document = run(&mut on(&db.url, &["inspect", "--json"])).json();
    assert_eq!(document["tasks"][0]["task"], "app.add");
    assert_eq!(document["workers"]["alive"], 0);
}

#[tokio::test]
async fn watching_prints_a_document_a_line() {
    let db = Db::new().await;
    let mut watch = Running::start(&mut on(&db.url, &["inspect", "--watch", "1", "--json"]));
    for _ in 0..2 {
        let document: serde_json::Value = serde_json::from_str(&watch.line()).unwrap();
        assert!(document["tasks"].is_array());
    }
}

#[tokio::test]
async fn jobs_are_listed_filtered_and_paged() {
    let db = worked().await;
    let text = run(&mut on(&db.url, &["inspect", "jobs"])).data();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.contains("no luck") && text.contains("due in "), "{text}");
    let list = |arguments: &[&str]| run(on(&db.url, &["inspect", "jobs", "--json"]).args(arguments)).json();
    let failed = list(&["--state", "failed"]);
    assert_eq!(failed["jobs"][0]["task"], "app.broken");
    assert_eq!(failed["jobs"].as_array().map(Vec::len), Some(1));
    assert_eq!(list(&["--topic", "app.n*"])["jobs"][0]["task"], "app.nobody");
    let page = list(&["--limit", "3"]);
    let next = page["next"].as_str().expect("there are more");
    assert_eq!(list(&["--limit", "3", "--before", next])["jobs"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn one_job_is_shown_with_all_that_is_known() {
    let db = worked().await;
    let id: String = db.one("select job_id from jobs.job where task = 'app.add'").await;
    let text = run(&mut on(&db.url, &["inspect", "job", &id])).data();
    for part in [&id, "app.add", "success", "Arguments", "Result           3"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let id: String = db.one("select job_id from jobs.job_queue where task = 'app.nobody'").await;
    let text = run(&mut on(&db.url, &["inspect", "job", &id])).data();
    assert!(text.contains("Why              no worker ever declared the task 'app.nobody'"), "{text}");
    let said = run(&mut on(&db.url, &["inspect", "job", "nosuchjob"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("no job nosuchjob"), "{said:?}");
}

#[tokio::test]
async fn a_job_that_does_not_run_is_explained() {
    let db = worked().await;
    let id: String = db.one("select job_id from jobs.job_queue where task = 'app.nobody'").await;
    let text = run(&mut on(&db.url, &["explain", &id])).data();
    let codes: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes, ["unknown_task", "queued"], "{text}");
    let id: String = db.one("select job_id from jobs.job_queue where task = 'app.add'").await;
    let document = run(&mut on(&db.url, &["explain", &id, "--json"])).json();
    assert_eq!((&document["job_id"], &document["reasons"][0]["code"]), (&id.into(), &"scheduled".into()));
    let said = run(&mut on(&db.url, &["explain", "nosuchjob"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("no job nosuchjob"), "{said:?}");
}

#[tokio::test]
async fn tasks_and_workers_are_listed() {
    let db = worked().await;
    let text = run(&mut on(&db.url, &["inspect", "tasks"])).data();
    assert!(text.contains("Adds two numbers.") && text.contains("[reason: Option<String>]"), "{text}");
    assert!(text.contains("no worker ever declared it"), "{text}");
    assert!(
        text.contains("millis: u64, deaf: bool, [_ballast"),
        "arguments in the order of the function: {text}"
    );
    assert!(text.contains("Keeps") && text.contains("  failed  "), "app.count keeps failures only: {text}");
    assert_eq!(run(&mut on(&db.url, &["inspect", "workers"])).data(), "no workers");

    let worker = Running::start(&mut on(&db.url, &["worker", "--topic", "app.ad*"]));
    pgjobs_tests::until("it registers", async || {
        db.one::<i64>("select count(*) from jobs.workers()").await == 1
    })
    .await;
    let document = run(&mut on(&db.url, &["inspect", "workers", "--json"])).json();
    assert_eq!(document["workers"][0]["topics"][0], "app.ad*");
    assert!(run(&mut on(&db.url, &["inspect", "workers"])).data().contains("app.ad*"));
    let document = run(&mut on(&db.url, &["inspect", "tasks", "--json"])).json();
    let tasks = document["tasks"].as_array().expect("tasks");
    let add = tasks.iter().find(|task| task["name"] == "app.add").expect("app.add");
    assert_eq!((&add["workers"], &add["keep"]), (&1.into(), &"all".into()));
    drop(worker);
}

#[tokio::test]
async fn tasks_say_what_makes_them_unique_and_whether_they_are_paused() {
    let db = Db::new().await;
    let task = |name: &str, unique: &str| {
        format!(
            r#"{{"name": "{name}", "retries": 3, "timeout": 60, "priority": 0, "result_schema": true, "doc": "About {name}.",
                "args_schema": {{}}, "params": [{{"name": "customer", "type": "i64", "required": true}}, {{"name": "day", "type": "i64", "required": true}}], "unique": {unique}}}"#
        )
    };
    let tasks =
        [task("bill", r#"{"arguments": ["customer", "day"]}"#), task("mail", "{}"), task("other", "null")];
    db.run(&format!("select jobs.register_tasks('[{}]'); select jobs.pause_topic('ma*')", tasks.join(",")))
        .await;
    let text = run(&mut on(&db.url, &["inspect", "tasks"])).data();
    let expected = [["customer, day", "About bill."], ["all", "PAUSED. About mail."], ["-", "About other."]];
    for (line, [unique, about]) in text.lines().skip(1).zip(expected) {
        let cells: Vec<&str> = line.split("  ").map(str::trim).collect();
        assert!(cells.contains(&unique) && cells.contains(&about), "{text}");
    }
    let document = run(&mut on(&db.url, &["inspect", "tasks", "--json"])).json();
    assert_eq!(document["tasks"][0]["unique"], serde_json::json!({ "arguments": ["customer", "day"] }));
    assert_eq!(
        (&document["tasks"][1]["paused"], &document["tasks"][2]["unique"]),
        (&true.into(), &serde_json::Value::Null)
    );
}

/// Passes connections over TCP on to the server of this database, until it is stopped. Returns the URL there.
async fn over_tcp(db: &Db) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = db.options();
    let socket = options.get_socket().expect("a server on a socket").join(".s.PGSQL.5432");
    let (port, user) = (listener.local_addr().unwrap().port(), options.get_username());
    let name = options.get_database().expect("a database");
    let url = format!("postgresql://{user}@127.0.0.1:{port}/{name}?sslmode=disable");
    let passing = tokio::spawn(async move {
        let mut lines = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            lines.spawn(async move {
                let mut server = UnixStream::connect(socket).await?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    (url, passing)
}

/// A server that refuses connections is not a pool that is too small, though the pool says the same of both.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_told_as_that() {
    let db = Db::new().await;
    let (url, passing) = over_tcp(&db).await;
    let mut watch = Running::start(&mut on(&url, &["inspect", "--watch", "1", "--json"]));
    watch.line();
    passing.abort();
    let said = watch.end();
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("efused") && said.err.contains("start the server"), "{said:?}");
    assert!(!said.err.contains("pool"), "{said:?}");
}
