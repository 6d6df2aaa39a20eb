//! Edges of all kinds from nodes that ended in all ways.

use pgjobs_tests::Db;
use serde_json::{Value, json};

use crate::sql_flow::{Flow, node};

/// What a child becomes: its edge, by how its parent ended. `-`: it goes on waiting.
const TABLE: &[(&str, [&str; 4])] = &[
    // success, failed, cancelled, skipped
    (r#"{}"#, ["running", "waiting", "cancelled", "skipped"]),
    (r#"{"on_failure": "hold"}"#, ["running", "waiting", "cancelled", "skipped"]),
    (r#"{"on_failure": "cancel"}"#, ["running", "cancelled", "cancelled", "skipped"]),
    (r#"{"on_failure": "continue"}"#, ["running", "running", "cancelled", "skipped"]),
    (r#"{"when": "failure"}"#, ["skipped", "running", "cancelled", "skipped"]),
    (r#"{"when": "ended"}"#, ["running", "running", "running", "running"]),
    (r#"{"condition": 1}"#, ["running", "waiting", "cancelled", "skipped"]),
    (r#"{"condition": 2}"#, ["skipped", "waiting", "cancelled", "skipped"]),
    (r#"{"condition": 2, "on_failure": "continue"}"#, ["skipped", "running", "cancelled", "skipped"]),
];

/// Publishes a parent `p` and a child `c`, and ends the parent in one of the four ways.
async fn ended(flow: &Flow<'_>, edge: &str, how: usize, policy: &str) -> i64 {
    let mut edge: Value = serde_json::from_str(edge).unwrap();
    edge["node"] = json!("p");
    let nodes = json!([
        node("first", "a", json!({})),
        node("p", "b", json!({"after": [{"node": "first", "when": "failure"}]})),
        node("c", "c", json!({"after": [edge]})),
        node("other", "d", json!({}))
    ]);
    let workflow = flow.publish(nodes, json!({"on_failure": policy})).await;
    flow.end("a", if how == 3 { "success" } else { "fail" }).await;
    match how {
        0 | 1 => flow.end("b", if how == 0 { "success" } else { "fail" }).await,
        2 => flow.db.run(&format!("select jobs.cancel_workflow({workflow}, 'p')")).await,
        _ => {}
    }
    workflow
}

#[tokio::test]
async fn an_edge_of_each_kind_starts_skips_cancels_or_holds_its_child() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for (edge, children) in TABLE {
        for (how, expected) in children.iter().enumerate() {
            let workflow = ended(&flow, edge, how, "hold").await;
            // Cancelling a node takes along what comes after it, but not what waits for any end of it.
            let child: String = db
                .one(&format!("select state::text from jobs.node where workflow = {workflow} and name = 'c'"))
                .await;
            assert_eq!(child, *expected, "{edge} of a parent that ended in way {how}");
            crate::sql_flow::assert_right(&db).await;
            db.run(&format!("select jobs.cancel_workflow({workflow})")).await;
        }
    }
}

/// The policy of the workflow is that of edges which say nothing.
#[tokio::test]
async fn a_failure_does_what_the_policy_says_to_edges_without_one() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for (policy, expected) in [("hold", "waiting"), ("cancel", "cancelled"), ("continue", "running")] {
        let workflow = ended(&flow, "{}", 1, policy).await;
        let child: String = db
            .one(&format!("select state::text from jobs.node where workflow = {workflow} and name = 'c'"))
            .await;
        assert_eq!(child, expected, "{policy}");
    }
    crate::sql_flow::assert_right(&db).await;
}

/// A flow that continues goes on without results; what needs one does not.
#[tokio::test]
async fn what_needs_a_result_does_not_go_on_without_it() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([
        node("p", "a", json!({})),
        node("bare", "b", json!({"after": ["p"]})),
        node("results", "b", json!({"bind": {"r": "p"}})),
        node("value", "b", json!({"bind": {"r": {"node": "p", "as": "value"}}})),
        node("each", "b", json!({"each": {"node": "p"}})),
        node("condition", "b", json!({"after": [{"node": "p", "condition": 1}]}))
    ]);
    let workflow = flow.publish(nodes, json!({"on_failure": "continue"})).await;
    flow.end("a", "fail").await;
    let ends = "success: p failed, bare success, results success, value cancelled, each cancelled, condition skipped";
    flow.end("b", "success").await;
    flow.assert(workflow, ends).await;
    let reasons =
        "select array_agg(reason order by id) from jobs.node where state in ('cancelled', 'skipped')";
    let expected = ["parent_failed", "parent_failed", "condition_unmet"];
    assert_eq!(db.one::<Vec<String>>(reasons).await, expected);
}

#[tokio::test]
async fn a_condition_looks_into_results_of_jobs_and_of_groups() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for (result, condition, expected) in [
        (r#"{"a": {"b": [1, 2]}}"#, json!({"a": {"b": [2]}}), "running"),
        ("null", json!(1), "skipped"),
        ("[1, 2]", json!([3]), "skipped"),
        ("\"x\"", json!("x"), "running"),
    ] {
        let workflow = flow
            .publish(
                json!([
                    node("p", "a", json!({})),
                    node("c", "b", json!({"after": [{"node": "p", "condition": condition}]}))
                ]),
                json!({}),
            )
            .await;
        flow.end_with("a", "success", result).await;
        let child: String = db
            .one(&format!("select state::text from jobs.node where workflow = {workflow} and name = 'c'"))
            .await;
        assert_eq!(child, expected, "{result}");
        flow.finish().await;
    }
    let group = json!([{"name": "g", "task": "a", "each": [{}, {}]}, node("yes", "b", json!({"after": [{"node": "g", "condition": [2]}]})), node("no", "b", json!({"after": [{"node": "g", "condition": [3]}]}))]);
    let workflow = flow.publish(group, json!({})).await;
    flow.end_with("a", "success", "2").await;
    flow.assert(workflow, "running: g success, yes running, no skipped").await;
}
