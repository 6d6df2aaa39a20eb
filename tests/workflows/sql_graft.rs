//! Nodes that a running job adds to its workflow.

use pgjobs_tests::Db;
use serde_json::json;

use crate::sql_flow::{Flow, node, tell};

/// The call by the job that runs of this task.
fn add(task: &str, nodes: &str, before: &str) -> String {
    format!(
        "select jobs.add_nodes(r.job_id, r.lease, '{nodes}', {before}) from jobs._runs r where r.task = '{task}'"
    )
}

#[tokio::test]
async fn nodes_join_before_those_that_wait_and_after_those_that_ended() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow
        .publish(
            json!([
                node("x", "a", json!({})),
                node("y", "b", json!({"after": ["x"]})),
                node("z", "c", json!({"after": ["y"]}))
            ]),
            json!({}),
        )
        .await;
    flow.end("a", "success").await;
    flow.worker.claim(1).tasks(&["b"]).await;
    db.run(&add(
        "b",
        r#"[{"name": "n", "task": "d", "bind": {"r": "x"}}, {"name": "m", "task": "d", "after": ["n"]}]"#,
        "'{z}'",
    ))
    .await;
    flow.assert(workflow, "running: x success, y running, z waiting, n running, m waiting").await;
    flow.settle("b", "success", "1").await;
    flow.assert(workflow, "running: x success, y success, z waiting, n running, m waiting").await;
    flow.finish().await;
    flow.assert(workflow, "success: x success, y success, z success, n success, m success").await;
}

#[tokio::test]
async fn nodes_do_not_join_a_workflow_that_has_failed() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for policy in ["cancel_all", "compensate"] {
        let workflow = flow
            .publish(
                json!([node("x", "a", json!({})), node("y", "b", json!({}))]),
                json!({"on_failure": policy}),
            )
            .await;
        flow.worker.claim(1).tasks(&["a"]).await;
        flow.end("b", "fail").await;
        let (code, message) = db.refusal(&add("a", r#"[{"name": "n", "task": "d"}]"#, "null")).await;
        assert_eq!(code, "PT409", "{message}");
        db.run(&format!("select jobs.cancel_workflow({workflow})")).await;
    }
    crate::sql_flow::assert_right(&db).await;
}

/// Both lock the workflow first: a cancel does not end in a deadlock with a job that adds nodes.
#[tokio::test]
async fn a_job_that_adds_nodes_while_its_workflow_is_cancelled_loses_its_lease() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(json!([node("x", "a", json!({}))]), json!({})).await;
    flow.worker.claim(1).await;
    let mut session = db.connect().await;
    tell(&mut session, &format!("begin; select from jobs.workflow where id = {workflow} for update")).await;
    let adding =
        pgjobs_tests::waiting(&db, db.connect().await, add("a", r#"[{"name": "n", "task": "d"}]"#, "null"))
            .await;
    tell(&mut session, &format!("select jobs.cancel_workflow({workflow}); commit")).await;
    let error = adding.await.unwrap().unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "PT409");
    flow.assert(workflow, "cancelled: x cancelled").await;
}
