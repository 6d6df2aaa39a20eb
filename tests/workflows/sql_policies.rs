//! What becomes of a workflow when a node fails, by its policy; and compensation.

use std::time::Duration;

use pgjobs_tests::Db;
use serde_json::{Value, json};

use crate::sql_flow::{Flow, node};

/// A node whose arguments cannot be made fails without a job, and that is a failure as any other.
fn flawed(undo: bool) -> Value {
    let first = if undo { json!({"undo": {"task": "u"}}) } else { json!({}) };
    json!([
        node("list", "a", first),
        node("each", "b", json!({"each": {"node": "list"}})),
        node("beside", "c", json!({"after": ["list"]})),
        node("later", "d", json!({"after": ["beside"]}))
    ])
}

#[tokio::test]
async fn a_node_that_fails_without_a_job_cancels_as_a_failed_job_does() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(flawed(false), json!({"on_failure": "cancel_all"})).await;
    flow.end("a", "success").await;
    flow.assert(workflow, "failed: list success, each failed, beside running, later cancelled").await;
    flow.maintain().await;
    flow.assert(workflow, "failed: list success, each failed, beside cancelled, later cancelled").await;
    assert_eq!(db.count("cancelled").await, 1);
}

#[tokio::test]
async fn a_node_that_fails_without_a_job_is_compensated_for() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(flawed(true), json!({"on_failure": "compensate"})).await;
    flow.end("a", "success").await;
    flow.assert(workflow, "compensating: list success, each failed, beside running, later cancelled").await;
    flow.end("c", "success").await;
    flow.assert(
        workflow,
        "compensating: list success, each failed, beside success, later cancelled, undo list running",
    )
    .await;
    flow.end("u", "success").await;
    assert!(flow.states(workflow).await.starts_with("compensated: "));
}

/// Two nodes with undos, and one that fails after them: up to its failure.
async fn compensating(flow: &Flow<'_>, options: Value) -> i64 {
    let nodes = json!([
        node("x", "a", json!({"undo": {"task": "u"}})),
        node("y", "b", json!({"after": ["x"], "undo": {"task": "u"}})),
        node("z", "c", json!({"after": ["y"]})),
        node("end", "d", json!({"after": ["z"]}))
    ]);
    let mut all = json!({"on_failure": "compensate"});
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let workflow = flow.publish(nodes, all).await;
    flow.end("a", "success").await;
    flow.end("b", "success").await;
    flow.end("c", "fail").await;
    flow.assert(
        workflow,
        "compensating: x success, y success, z failed, end cancelled, undo y running, undo x waiting",
    )
    .await;
    workflow
}

#[tokio::test]
async fn an_undo_keeps_the_nulls_of_its_body_and_its_options() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let undo =
        json!({"task": "u", "body": {"kwargs": {"a": null, "b": 1}}, "priority": 3, "meta": {"by": null}});
    let options = json!({"meta": {"of": null}, "undo": undo});
    let nodes = json!([node("x", "a", options), node("y", "b", json!({"after": ["x"]}))]);
    flow.publish(nodes, json!({"on_failure": "compensate"})).await;
    assert_eq!(
        db.one::<String>("select meta::text from jobs.pending where task = 'a'").await,
        r#"{"of": null}"#
    );
    flow.end("a", "success").await;
    flow.end("b", "fail").await;
    let undone = "select concat_ws(' ', body, priority, timeout, meta) from jobs.pending where task = 'u'";
    assert_eq!(db.one::<String>(undone).await, r#"{"kwargs": {"a": null, "b": 1}} 3 60.00 {"by": null}"#);
}

/// Options are read once, by the publisher's session: a worker's may read other times from the same text.
#[tokio::test]
async fn options_of_nodes_and_undos_are_read_when_they_are_published() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let undo = json!({"task": "u", "max_retries": 3.0, "priority": 5.0, "scheduled_at": "31/01/2030 08:00"});
    let later = json!({"after": ["x"], "max_retries": 2.0, "scheduled_at": "31/01/2030 08:00"});
    let fails = json!({"after": ["x"]});
    let nodes =
        json!([node("x", "a", json!({ "undo": undo })), node("y", "b", later), node("z", "c", fails)]);
    let mut session = db.connect().await;
    let publish = format!(
        "set datestyle = 'SQL, DMY'; set timezone = 'America/New_York'; select jobs.publish_workflow('{nodes}', null, '{{\"on_failure\": \"compensate\"}}')"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(publish)).execute(&mut session).await.unwrap();
    flow.end("a", "success").await;
    let waits = "select concat_ws(' ', task, max_retries, priority, scheduled_at at time zone 'utc') from jobs.pending where task <> 'c'";
    assert_eq!(db.all::<String>(waits).await, ["b 2 0 2030-01-31 13:00:00"]);
    flow.end("c", "fail").await;
    db.run("select jobs.cancel(array(select job_id from jobs.pending))").await; // the undo waits for its end
    let undone = db.all::<String>(waits).await;
    assert_eq!(undone, ["u 3 5 2030-01-31 13:00:00"]);
}

#[tokio::test]
async fn the_body_of_an_undo_is_as_small_as_any_also_of_a_large_group() {
    let db = Db::new().await;
    db.run("update jobs.config set max_body_bytes = 2000").await;
    for jobs in [1, 63, 64, 200] {
        let each = vec![json!({"args": []}); jobs];
        let undo = json!({"task": "u", "body": {"args": ["x".repeat(3000)]}});
        let nodes = json!([node("x", "a", json!({ "each": each, "undo": undo }))]);
        let (code, message) = db.refusal(&format!("select jobs.publish_workflow('{nodes}')")).await;
        assert!(code == "PT413" && message.contains("task 'u'"), "{jobs}: {code} {message}");
    }
}

#[tokio::test]
async fn an_undo_that_cannot_be_meant_is_refused_by_name() {
    let db = Db::new().await;
    let cases = [
        (json!({"task": "u", "bind": 5}), "undo: bind: an object of arguments, each with a node"),
        (
            json!({"task": "u", "bind": {"n": "x"}, "body": [1]}),
            "undo: body: with bind, or with each of a node, it is an object, and so are its kwargs",
        ),
        (json!({"task": "u", "priority": "high"}), "undo: priority: an integer"),
        (
            json!({"task": "u", "retries": 3}),
            "undo: its keys are task, body, bind, priority, timeout, max_retries, delay, scheduled_at, meta",
        ),
        (
            json!({"task": "u", "meta": {"tags": 1}}),
            "undo: meta is an object, and its key tags, if there is one, an array",
        ),
    ];
    for (undo, reason) in cases {
        let nodes = json!([node("x", "a", json!({ "undo": undo }))]);
        let (code, message) = db.refusal(&format!("select jobs.publish_workflow('{nodes}')")).await;
        assert_eq!((code.as_str(), message), ("PT400", format!("node 'x': {reason}")));
    }
}

#[tokio::test]
async fn undos_run_one_after_the_other_and_go_on_after_a_failure() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = compensating(&flow, json!({})).await;
    flow.worker.claim(10).await;
    flow.settle("u", "fail", "1").await;
    flow.assert(
        workflow,
        "compensating: x success, y success, z failed, end cancelled, undo y failed, undo x running",
    )
    .await;
    flow.end("u", "success").await;
    flow.assert(
        workflow,
        "failed: x success, y success, z failed, end cancelled, undo y failed, undo x success",
    )
    .await;
    // A retry runs the undo alone: what was undone does not go on.
    db.run(&format!("select jobs.retry_workflow({workflow})")).await;
    flow.assert(
        workflow,
        "compensating: x success, y success, z failed, end cancelled, undo y running, undo x success",
    )
    .await;
    flow.end("u", "success").await;
    assert!(flow.states(workflow).await.starts_with("compensated: "));
    assert_eq!(db.refusal(&format!("select jobs.retry_workflow({workflow})")).await.0, "PT409");
}

#[tokio::test]
async fn a_failed_job_that_is_retried_beside_undos_starts_nothing() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = compensating(&flow, json!({})).await;
    let job = flow.job(workflow, "z").await;
    db.run(&format!("select jobs.retry('{{{job}}}')")).await;
    flow.assert(
        workflow,
        "compensating: x success, y success, z running, end cancelled, undo y running, undo x waiting",
    )
    .await;
    flow.finish().await;
    flow.assert(
        workflow,
        "compensated: x success, y success, z success, end cancelled, undo y success, undo x success",
    )
    .await;
}

#[tokio::test]
async fn undos_that_are_cancelled_leave_a_workflow_that_may_be_retried() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for (call, state) in
        [("jobs.cancel_workflow({})", "cancelled"), ("jobs.cancel_workflow({}, 'undo y')", "failed")]
    {
        let workflow = compensating(&flow, json!({})).await;
        db.run(&format!("select {}", call.replace("{}", &workflow.to_string()))).await;
        flow.end("u", "success").await;
        assert!(flow.states(workflow).await.starts_with(state), "{call}: {}", flow.states(workflow).await);
        db.run(&format!("select jobs.retry_workflow({workflow})")).await;
        flow.finish().await;
        flow.assert(
            workflow,
            "compensated: x success, y success, z failed, end cancelled, undo y success, undo x success",
        )
        .await;
    }
}

#[tokio::test]
async fn a_deadline_does_not_stop_undos() {
    let db = Db::with_clock().await;
    let flow = Flow::on(&db).await;
    let workflow = compensating(&flow, json!({"timeout": 60})).await;
    db.advance(Duration::from_secs(61)).await;
    flow.maintain().await;
    flow.assert(
        workflow,
        "compensating: x success, y success, z failed, end cancelled, undo y running, undo x waiting",
    )
    .await;
}

#[tokio::test]
async fn a_retry_after_the_deadline_is_not_cancelled_again() {
    let db = Db::with_clock().await;
    let flow = Flow::on(&db).await;
    let workflow = flow
        .publish(
            json!([node("x", "a", json!({})), node("y", "b", json!({"after": ["x"]}))]),
            json!({"timeout": 20}),
        )
        .await;
    db.advance(Duration::from_secs(21)).await;
    flow.maintain().await;
    flow.assert(workflow, "cancelled: x cancelled, y cancelled").await;
    db.run(&format!("select jobs.retry_workflow({workflow})")).await;
    flow.maintain().await;
    flow.assert(workflow, "running: x running, y waiting").await;
    flow.finish().await;
    flow.assert(workflow, "success: x success, y success").await;
}

#[tokio::test]
async fn a_group_of_which_some_jobs_failed_is_undone_with_their_results() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let group = json!([{"name": "g", "task": "a", "max_retries": 1, "each": [{}, {}, {}], "undo": {"task": "u", "bind": {"r": "g", "s": {"node": "g", "as": "results"}}}}]);
    let workflow = flow.publish(group, json!({"on_failure": "compensate"})).await;
    flow.worker.claim(1).await;
    flow.settle("a", "fail", "1").await;
    flow.end_with("a", "success", "3").await;
    flow.assert(workflow, "compensating: g failed, undo g running").await;
    assert_eq!(db.one::<Value>("select body->'kwargs'->'r' from jobs.pending").await, json!([null, 3, 3]));
    assert_eq!(db.one::<Value>("select body->'kwargs'->'s'->1 from jobs.pending").await, json!({"Ok": 3}));
    assert_eq!(
        db.one::<Value>("select body->'kwargs'->'s'->0->'Err'->'error' from jobs.pending").await,
        json!("boom")
    );
}

/// An alert or a clean-up that another node's failure has started is not what the policy stops.
#[tokio::test]
async fn what_a_failure_started_runs_to_its_end_while_the_rest_is_stopped() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([
        node("x", "a", json!({})),
        node("beside", "b", json!({})),
        node("alert", "c", json!({"after": [{"node": "x", "when": "failure"}]})),
        node("tidy", "c", json!({"after": [{"node": "x", "when": "ended"}]}))
    ]);
    let workflow = flow.publish(nodes, json!({"on_failure": "cancel_all"})).await;
    flow.end("a", "fail").await;
    flow.maintain().await;
    flow.assert(workflow, "failed: x failed, beside cancelled, alert running, tidy running").await;
    flow.end("c", "success").await;
    flow.assert(workflow, "failed: x failed, beside cancelled, alert success, tidy success").await;
}
