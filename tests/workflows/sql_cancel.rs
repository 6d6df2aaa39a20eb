//! Workflows and nodes that are cancelled, by operators and by deadlines.

use std::time::Duration;

use pgjobs_tests::Db;
use serde_json::json;

use crate::sql_flow::{Flow, node, tell};

#[tokio::test]
async fn what_waits_for_any_end_of_a_cancelled_node_starts() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([
        node("x", "a", json!({})),
        node("y", "b", json!({"after": ["x"]})),
        node("tidy", "c", json!({"after": [{"node": "x", "when": "ended"}, {"node": "y", "when": "ended"}]})),
        node("last", "d", json!({"after": ["tidy"]}))
    ]);
    let workflow = flow.publish(nodes.clone(), json!({})).await;
    db.run(&format!("select jobs.cancel_workflow({workflow}, 'x')")).await;
    flow.assert(workflow, "running: x cancelled, y cancelled, tidy running, last waiting").await;
    flow.finish().await;
    flow.assert(workflow, "success: x cancelled, y cancelled, tidy success, last success").await;
    // Nothing starts of a workflow that is cancelled as a whole.
    let workflow = flow.publish(nodes, json!({})).await;
    db.run(&format!("select jobs.cancel_workflow({workflow})")).await;
    flow.assert(workflow, "cancelled: x cancelled, y cancelled, tidy cancelled, last cancelled").await;
    assert_eq!(db.pending_rows().await, 0);
}

#[tokio::test]
async fn a_job_that_somebody_has_locked_keeps_back_no_other_deadline() {
    let db = Db::with_clock().await;
    let flow = Flow::on(&db).await;
    let mut workflows = Vec::new();
    for _ in 0..5 {
        workflows.push(flow.publish(json!([node("x", "a", json!({}))]), json!({"timeout": 20})).await);
    }
    let job = flow.job(workflows[0], "x").await;
    let mut session = db.connect().await;
    tell(&mut session, &format!("begin; select from jobs.pending where job_id = '{job}' for update")).await;
    db.advance(Duration::from_secs(21)).await;
    for _ in 0..5 {
        flow.maintain().await;
    }
    let over = "select count(*) from jobs.workflow where state = 'cancelled' and ended_at is not null";
    assert_eq!(db.one::<i64>(over).await, 4);
    tell(&mut session, "commit").await;
    flow.maintain().await;
    assert_eq!(db.one::<i64>(over).await, 5);
    crate::sql_flow::assert_right(&db).await;
}

#[tokio::test]
async fn a_member_that_is_cancelled_purged_or_edited_is_still_of_its_node() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(json!([{"name": "g", "task": "a", "each": vec![json!({}); 130]}, node("y", "b", json!({"after": ["g"]}))]), json!({})).await;
    let jobs: Vec<String> = db.all("select unnest(job_ids)::text from jobs.node where name = 'g'").await;
    db.run(&format!(
        "select jobs.cancel('{{{},{}}}'); select jobs.edit('{}', '{{\"priority\": 3}}')",
        jobs[0], jobs[64], jobs[65]
    ))
    .await;
    crate::sql_flow::assert_right(&db).await;
    db.run("select jobs.purge('a', 1)").await;
    crate::sql_flow::assert_right(&db).await;
    flow.end("a", "success").await;
    flow.assert(workflow, "failed: g failed, y waiting").await;
    db.run(&format!("select jobs.retry('{{{},{}}}')", jobs[0], jobs[64])).await;
    flow.assert(workflow, "running: g running, y waiting").await;
    flow.end("a", "success").await;
    flow.assert(workflow, "failed: g failed, y waiting").await;
    let lost: i64 = db.one("select count(*) from jobs.node_failure where error = 'purged'").await;
    assert!(lost > 0, "what was purged is a failure");
}

#[tokio::test]
async fn a_failed_workflow_where_nothing_waits_is_given_up_and_may_be_retried() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(json!([node("x", "a", json!({}))]), json!({})).await;
    flow.end("a", "fail").await;
    flow.assert(workflow, "failed: x failed").await;
    let cancel = format!("select jobs.cancel_workflow({workflow}, i_reason => 'nobody needs it')");
    assert_eq!(db.one::<i64>(&cancel).await, 0);
    flow.assert(workflow, "cancelled: x failed").await;
    assert!(db.one::<bool>("select jobs._oldest_kept(current_date) = current_date").await);
    db.run(&format!("select jobs.retry_workflow({workflow})")).await;
    flow.finish().await;
    flow.assert(workflow, "success: x success").await;
}
