//! Schema `jobs` over REST: a gateway that speaks as PostgREST does, and PostgREST's official client.
//!
//! PostgREST itself comes in no package that can be had everywhere; what it sends to the database is tested as SQL in
//! `--test it rest`. Needs `cargo install postrust-server` and node with npm:
//! `cargo test -p pgjobs-tests --features rest --test rest`.

mod gateway;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gateway::{Gateway, SECRET};
use pgjobs::{TaskError, Worker, task};
use pgjobs_tests::Db;
use serde_json::{Value, json};

#[task(name = "emails.send")]
async fn send(to: String, n: i32) -> Result<String, TaskError> {
    Ok(format!("{n} to {to}"))
}

/// The page of the book that shows how: its SQL is what this test runs.
const PAGE: &str = include_str!("../../docs/src/rest.md");

fn ten_lines() -> &'static str {
    let (_, rest) = PAGE.split_once("```sql\n").expect("an SQL block");
    rest.split_once("```").expect("its end").0
}

fn packages() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgrest-js-2");
    if !folder.join("node_modules/@supabase/postgrest-js").exists() {
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-save", "--prefix"])
            .arg(&folder)
            .arg("@supabase/postgrest-js@2");
        let installed = npm.stdin(Stdio::null()).status().is_ok_and(|status| status.success());
        assert!(installed, "this test needs node with npm, and a package registry that npm can reach");
    }
    folder
}

async fn front_end(gateway: &Gateway) -> Value {
    // Modules are looked up from where the script lies.
    let script = packages().join("client.mjs");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("rest/client.mjs"), &script)
        .expect("the script");
    let mut node = tokio::process::Command::new("node");
    node.arg(script).args([&gateway.url, SECRET]).stdin(Stdio::null());
    let output = node.output().await.expect("node");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {err}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_front_end_publishes_waits_and_can_do_nothing_else() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("emails.*").start().await.unwrap();
    db.run(ten_lines()).await;
    let said = front_end(&Gateway::before(&db).await).await;

    let status = |call: &str| said[call]["status"].as_i64().unwrap_or_else(|| panic!("{call}: {said:#}"));
    assert_eq!((status("publish"), status("publish_json")), (200, 200), "{said:#}");
    let ended =
        |n: i32, to: &str| json!({"status": "success", "result": format!("{n} to {to}"), "traceback": null});
    let bob = |n| ended(n, "bob@example.org");
    assert_eq!(said["results"], json!([ended(2, "ann@example.org"), bob(1), bob(2), bob(3)]));

    for (call, expected, code, words) in [
        (
            "wrong_type",
            422,
            "PT422",
            "task 'emails.send': arguments do not fit: `n`: expected i32, found string",
        ),
        (
            "wrong_in_many",
            422,
            "PT422",
            "job 2 of 2: task 'emails.send': arguments do not fit: `to`: missing required argument",
        ),
        ("other_topic", 403, "PT403", "role 'web' may not publish the task 'reports.build'"),
        ("wrong_number", 400, "PT400", "timeout lies within"),
        ("unknown_argument", 404, "PGRST202", "Could not find the function"),
    ] {
        assert_eq!((status(call), said[call]["code"].as_str()), (expected, Some(code)), "{call}: {said:#}");
        let message = said[call]["message"].as_str().unwrap();
        assert!(message.contains(words) && !message.contains("canary"), "{call}: {message}");
    }
    let refused = said["refused"].as_object().unwrap();
    assert_eq!(refused.len(), 2 * 18 + 16);
    for (call, status) in refused {
        assert!([401, 403, 404].contains(&status.as_i64().unwrap()), "{call}: {status}");
    }
    assert_eq!(said["get_publishes"], 405, "a GET changes nothing");
    assert_eq!(worker.shutdown().await.succeeded, 4, "nothing else reached a worker");
    assert_eq!(db.one::<i64>("select count(*) from jobs.\"all\"").await, 4);
}
