//! A chord of many jobs of which some fail, by real workers that are killed: the end that its policy says.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgjobs_tests::{Db, amount};
use serde_json::{Value, json};

use crate::sql_flow::assert_right;

/// How many jobs a group has: with `PGJOBS_WORKFLOWS=long`, and with the feature `soak`, as many as the issue asks for.
fn size() -> u32 {
    if std::env::var("PGJOBS_WORKFLOWS").is_ok_and(|long| long == "long") {
        10_000
    } else {
        amount(300, 10_000)
    }
}

/// A worker process; killed when it is replaced, and when the test ends.
struct Worker(Child);

impl Worker {
    fn start(db: &Db) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["worker", "--topic", "app.*", "--concurrency", "40", "--lease", "2s"]);
        command.env("DATABASE_URL", &db.url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Worker(command.spawn().expect("the worker"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A list, a chord of two groups over it of which one percent of the first fails, and what comes after.
fn chord(size: u32) -> Value {
    let jobs: Vec<Value> = (0..size)
        .map(|at| json!({"args": [], "kwargs": {"at": at, "every": 100, "millis": at % 7}}))
        .collect();
    json!([
        {"name": "start", "task": "app.add", "body": {"args": [1, 2], "kwargs": {}}, "undo": {"task": "app.add", "body": {"args": [0, 1], "kwargs": {}}}},
        {"name": "group", "task": "app.sometimes", "each": jobs, "after": ["start"], "max_retries": 1000, "undo": {"task": "app.add", "body": {"args": [0, 2], "kwargs": {}}}},
        {"name": "join", "task": "app.size", "bind": {"of": "group"}},
        {"name": "last", "task": "app.add", "body": {"args": [3, 4], "kwargs": {}}, "after": ["join"]},
    ])
}

/// Publishes it under a policy, kills workers at random until nothing runs, and returns the states of its
/// nodes.
async fn end_of(policy: &str, size: u32) -> String {
    let db = Db::new().await;
    let mut workers: Vec<Worker> = (0..2).map(|_| Worker::start(&db)).collect();
    let begun = Instant::now();
    let workflow: i64 = sqlx::query_scalar("select jobs.publish_workflow($1, 'chord', $2)")
        .bind(chord(size))
        .bind(json!({"on_failure": policy}))
        .fetch_one(&db.pool)
        .await
        .unwrap();
    let mut kills = 0;
    let deadline = begun + Duration::from_secs(180 + u64::from(size) / 10);
    while db.one::<bool>(&format!("select ended_at is null from jobs.workflow where id = {workflow}")).await {
        assert!(Instant::now() < deadline, "{policy}: {}", db.one::<String>("select string_agg(n.name || ' ' || n.state || ' ' || n.open, ', ' order by id) from jobs.node n").await);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(200..900))).await;
        let nth = fastrand::usize(..workers.len());
        workers[nth] = Worker::start(&db);
        kills += 1;
    }
    let took = begun.elapsed();
    drop(workers);
    assert_right(&db).await;
    let failed: i64 = db.one("select failed::int8 from jobs.node where name = 'group'").await;
    if policy != "cancel_all" {
        assert_eq!(failed, i64::from(size / 100), "one percent failed, each once");
    }
    let joins: i64 = db.one("select count(*) from jobs.\"all\" where task = 'app.size'").await;
    assert_eq!(joins, i64::from(policy == "continue"), "the join is published once, or never");
    eprintln!("{policy}: {size} jobs in {took:?}, {kills} workers were killed");
    db.one(&format!("select w.state || ': ' || string_agg(n.name || ' ' || n.state, ', ' order by n.id) from jobs.workflow w join jobs.node n on n.workflow = w.id where w.id = {workflow} group by w.id")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chord_of_which_jobs_fail_ends_as_its_policy_says() {
    for (policy, expected) in [
        ("hold", "failed: start success, group failed, join waiting, last waiting"),
        ("cancel", "failed: start success, group failed, join cancelled, last cancelled"),
        ("cancel_all", "failed: start success, group failed, join cancelled, last cancelled"),
        ("continue", "success: start success, group failed, join success, last success"),
        (
            "compensate",
            "compensated: start success, group failed, join cancelled, last cancelled, undo group success, undo start success",
        ),
    ] {
        assert_eq!(end_of(policy, size()).await, expected);
    }
}
