//! Jobs of nodes: however they are stored and settled, each is counted once, for its own node.

use pgjobs_tests::Db;
use serde_json::{Value, json};

use crate::sql_flow::{Flow, node};

/// Jobs that are published together are packed; a batch of them is counted without being opened.
#[tokio::test]
async fn jobs_of_many_single_nodes_of_one_task_end_each_its_own_node() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes: Vec<Value> = (0..150).map(|at| node(&format!("n{at}"), "a", json!({}))).collect();
    let workflow = flow.publish(json!(nodes), json!({})).await;
    assert!(db.one::<i64>("select count(*) from jobs.pending where size > 1").await > 0, "they are packed");
    let some = i64::try_from(flow.worker.claim(70).await.len()).unwrap();
    flow.settle("a", "success", "2").await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.node where state = 'success' and result = '2'").await,
        some
    );
    flow.end("a", "fail").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.node where state = 'failed'").await, 150 - some);
    assert!(flow.states(workflow).await.starts_with("failed: "));
    crate::sql_flow::assert_right(&db).await;
}

/// A claim of fewer than 64 unpacks the row; the rest of a batch may run again or fail.
#[tokio::test]
async fn a_group_counts_jobs_that_were_unpacked_failed_or_ran_again() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let bodies: Vec<Value> = (0..200).map(|at| json!({"args": [at], "kwargs": {}})).collect();
    let group = json!([{"name": "g", "task": "a", "each": bodies, "max_retries": 2}, node("c", "b", json!({"bind": {"all": {"node": "g", "as": "results"}}}))]);
    let workflow = flow.publish(group, json!({"on_failure": "continue"})).await;
    for (num, outcome) in [(3, "success"), (64, "retry"), (10, "fail"), (64, "success"), (5, "release")] {
        flow.worker.claim(num).tasks(&["a"]).await;
        flow.settle("a", outcome, "7").await;
        crate::sql_flow::assert_right(&db).await;
    }
    db.run("update jobs.pending set scheduled_at = null, ready_seq = nextval('jobs.job_number') where ready_seq is null").await;
    flow.end_with("a", "success", "7").await;
    flow.assert(workflow, "running: g failed, c running").await;
    let all = "select j.body->'kwargs'->'all' from jobs.pending j where j.task = 'b'";
    let ok = format!(
        "select count(*) filter (where v ? 'Ok') * 1000 + count(*) filter (where v->'Err'->>'error' = 'boom') from jsonb_array_elements(({all})) v"
    );
    assert_eq!(db.one::<i64>(&ok).await, 190_010);
    flow.finish().await;
    // What nobody continues is the failure of a leaf; here somebody went on.
    flow.assert(workflow, "success: g failed, c success").await;
}

/// One call with several outcomes: only the successes of a batch are counted without opening it.
#[tokio::test]
async fn a_settle_of_mixed_outcomes_counts_each_job_of_a_group_once() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let group = json!([{"name": "g", "task": "a", "each": vec![json!({}); 64], "max_retries": 2}]);
    let workflow = flow.publish(group, json!({})).await;
    flow.worker.claim(64).await;
    db.run(
        "select jobs.settle(s.ids, s.leases, s.outcomes) from (
           select array_agg(r.job_id::text) as ids, array_agg(r.lease) as leases,
             array_agg((array['success', 'fail', 'retry', 'success'])[(r.on_end).nth % 4 + 1]) as outcomes from jobs._runs r) s",
    )
    .await;
    crate::sql_flow::assert_right(&db).await;
    assert_eq!(
        db.one::<String>("select jobs || ' ' || open || ' ' || failed from jobs.node").await,
        "64 16 16"
    );
    flow.assert(workflow, "running: g running").await;
}

#[tokio::test]
async fn arguments_that_are_too_large_fail_their_node_and_no_other() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([
        node("p", "a", json!({})),
        node("q", "a", json!({})),
        node("both", "b", json!({"bind": {"p": "p", "q": "q"}})),
        node("handle", "c", json!({"bind": {"p": {"node": "p", "as": "handle"}}, "after": ["q"]})),
        node("amends", "d", json!({"after": [{"node": "both", "when": "failure"}]})),
    ]);
    let workflow = flow.publish(nodes, json!({})).await;
    let large = format!("\"{}\"", "x".repeat(700_000));
    flow.end_with("a", "success", &large).await;
    flow.assert(workflow, "running: p success, q success, both failed, handle running, amends running").await;
    let reason: String = db.one("select reason from jobs.node where name = 'both'").await;
    assert!(
        reason.starts_with("too large: the body of a job takes 1400")
            && reason.contains("bind the node as \"handle\""),
        "{reason}"
    );
}

#[tokio::test]
async fn a_group_over_a_result_has_a_job_for_each_element_or_fails() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for (result, chunk, bodies) in [
        ("[null, 1]", None, "[null, 1]"),
        ("[[1, 2], [3]]", None, "[[1, 2], [3]]"),
        ("[]", None, "[]"),
        ("[1, 2, 3]", Some(2), "[[1, 2], [3]]"),
        ("null", None, "no array"),
        ("{\"a\": 1}", None, "no array"),
        ("5", Some(3), "no array"),
    ] {
        let each = chunk.map_or(
            json!({"node": "l", "param": "x"}),
            |chunk| json!({"node": "l", "param": "x", "chunk": chunk}),
        );
        let workflow = flow
            .publish(
                json!([
                    node("l", "a", json!({})),
                    node("e", "b", json!({"each": each})),
                    node("z", "c", json!({"bind": {"all": "e"}}))
                ]),
                json!({}),
            )
            .await;
        flow.end_with("a", "success", result).await;
        if bodies == "no array" {
            flow.assert(workflow, "failed: l success, e failed, z waiting").await;
            continue;
        }
        let given: Value = db.one("select coalesce(jsonb_agg(q.body->'kwargs'->'x' order by q.id), '[]') from jobs.pending q where q.task = 'b'").await;
        assert_eq!(given, serde_json::from_str::<Value>(bodies).unwrap(), "{result}");
        flow.finish().await;
        flow.assert(workflow, "success: l success, e success, z success").await;
    }
}
