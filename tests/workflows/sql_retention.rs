//! What is kept of workflows, and for how long.

use pgjobs_tests::Db;
use serde_json::json;

use crate::sql_flow::{Flow, node};

/// A retry needs the failed jobs. Once a workflow is over, rules for history hold for its jobs too.
#[tokio::test]
async fn rules_for_history_leave_failed_jobs_of_workflows_that_may_go_on() {
    let db = Db::with_clock().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([node("x", "a", json!({})), node("y", "b", json!({"after": ["x"]}))]);
    let (over, open) = (flow.publish(nodes.clone(), json!({})).await, flow.publish(nodes, json!({})).await);
    flow.end("a", "fail").await;
    db.run(&format!("select jobs.cancel_workflow({over}); select jobs.keep('*', null, 0); select jobs._delete_unkept(current_date + 3, 10)")).await;
    assert_eq!(db.all::<String>("select job_id::text from jobs.job").await, [flow.job(open, "x").await]);
    db.run(&format!("select jobs.retry_workflow({open})")).await;
    flow.finish().await;
    flow.assert(open, "success: x success, y success").await;
}

#[tokio::test]
async fn an_ended_workflow_goes_with_its_day_and_an_open_one_keeps_its_days() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([{"name": "g", "task": "a", "each": [{}, {}], "keep_results": true, "max_retries": 1}, node("y", "b", json!({"after": ["g"]}))]);
    let ended = flow.publish(nodes.clone(), json!({})).await;
    flow.finish().await;
    let failed = flow.publish(nodes, json!({})).await;
    flow.end("a", "fail").await;
    let trim = "select jobs._trim_workflows(now() - interval '1 day', 1000)";
    assert_eq!(db.one::<i32>(trim).await, 0);
    db.run(&format!("update jobs.workflow set created_at = created_at - interval '9 days'; update jobs.workflow set ended_at = ended_at - interval '2 days' where id = {ended}")).await;
    let oldest = "select jobs._oldest_kept(current_date - 1) = (current_date - 9)";
    assert!(db.one::<bool>(oldest).await, "the failed one keeps history");
    assert_eq!(db.one::<i32>(trim).await, 1);
    for table in ["node", "edge", "node_result", "node_failure", "node_delta"] {
        let column = match table {
            "edge" => "parent",
            "node" => "id",
            _ => "node",
        };
        let left: i64 = db.one(&format!("select count(*) from jobs.{table} t where t.{column} not in (select id from jobs.node where workflow = {failed})")).await;
        assert_eq!(left, 0, "{table}");
    }
    flow.assert(failed, "failed: g failed, y waiting").await;
}

/// A job that ends after its workflow was dropped leaves nothing behind, and its failure may be retried.
#[tokio::test]
async fn a_job_may_end_and_run_again_after_its_workflow_has_gone() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    flow.publish(json!([node("x", "a", json!({})), node("y", "a", json!({}))]), json!({})).await;
    flow.worker.claim(1).await;
    // What was left before its workflow went, and what ends after that.
    db.run("insert into jobs.node_delta (workflow, node, ended, failed) values (999999, 1, 1, 0)").await;
    db.run("delete from jobs.workflow; delete from jobs.node").await;
    flow.settle("a", "fail", "1").await;
    flow.end("a", "success").await;
    db.run("select jobs.retry(array(select job_id::text from jobs.job where status = 'failed'))").await;
    flow.end("a", "success").await;
    flow.maintain().await;
    assert_eq!(db.count("success").await, 2);
    let left = "select (select count(*) from jobs.node_delta) + (select count(*) from jobs.node_failure)";
    assert_eq!(db.one::<i64>(left).await, 0);
}
