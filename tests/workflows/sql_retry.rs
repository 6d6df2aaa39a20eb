//! Workflows that go on after a failure.

use pgjobs_tests::Db;
use serde_json::json;

use crate::sql_flow::{Flow, node, tell};

#[tokio::test]
async fn a_retry_resumes_a_workflow_under_each_policy() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for (policy, child) in [("hold", "waiting"), ("cancel", "cancelled"), ("cancel_all", "cancelled")] {
        for by_job in [true, false] {
            let workflow = flow
                .publish(
                    json!([
                        node("x", "a", json!({})),
                        node("y", "b", json!({"after": ["x"]})),
                        node("z", "c", json!({"after": ["y"]}))
                    ]),
                    json!({"on_failure": policy}),
                )
                .await;
            flow.end("a", "fail").await;
            flow.assert(workflow, &format!("failed: x failed, y {child}, z {child}")).await;
            let job = flow.job(workflow, "x").await;
            let call = if by_job {
                format!("select jobs.retry('{{{job}}}')")
            } else {
                format!("select jobs.retry_workflow({workflow})")
            };
            db.run(&call).await;
            flow.assert(workflow, "running: x running, y waiting, z waiting").await;
            flow.finish().await;
            flow.assert(workflow, "success: x success, y success, z success").await;
        }
    }
}

/// The failure had been enough for a child that still waits for others: it is not any more.
#[tokio::test]
async fn a_child_waits_again_for_a_parent_that_runs_again() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([
        node("x", "a", json!({})),
        node("y", "b", json!({})),
        node("join", "c", json!({"bind": {"r": "x"}, "after": ["y"]}))
    ]);
    let workflow = flow.publish(nodes, json!({"on_failure": "continue"})).await;
    flow.end("a", "fail").await;
    let job = flow.job(workflow, "x").await;
    db.run(&format!("select jobs.retry('{{{job}}}')")).await;
    flow.end("b", "success").await;
    flow.assert(workflow, "running: x running, y success, join waiting").await;
    flow.end("a", "success").await;
    flow.assert(workflow, "running: x success, y success, join running").await;
    assert_eq!(
        db.one::<serde_json::Value>("select body->'kwargs'->'r' from jobs.pending where task = 'c'").await,
        json!({"Ok": 1})
    );
}

/// A cancel that waits for the transaction in which the last job of a node succeeds.
#[tokio::test]
async fn a_node_that_succeeded_while_it_was_cancelled_does_not_stop_a_retry() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow
        .publish(json!([node("x", "a", json!({})), node("y", "b", json!({"after": ["x"]}))]), json!({}))
        .await;
    flow.worker.claim(1).tasks(&["a"]).await;
    let mut session = db.connect().await;
    tell(&mut session, "begin; select jobs.ack(r.job_id, '5', r.lease) from jobs._runs r").await;
    let cancel =
        pgjobs_tests::waiting(&db, db.connect().await, format!("select jobs.cancel_workflow({workflow})"))
            .await;
    tell(&mut session, "commit").await;
    cancel.await.unwrap().unwrap();
    flow.maintain().await;
    flow.assert(workflow, "cancelled: x cancelled, y cancelled").await;
    db.run(&format!("select jobs.retry_workflow({workflow})")).await;
    flow.assert(workflow, "running: x success, y running").await;
}

/// Both lock the workflow first, and then its jobs.
#[tokio::test]
async fn a_retry_of_jobs_and_one_of_their_workflow_do_not_stop_each_other() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(json!([node("x", "a", json!({}))]), json!({})).await;
    flow.end("a", "fail").await;
    let job = flow.job(workflow, "x").await;
    let mut session = db.connect().await;
    tell(&mut session, &format!("begin; select from jobs.workflow where id = {workflow} for update")).await;
    let by_job =
        pgjobs_tests::waiting(&db, db.connect().await, format!("select jobs.retry('{{{job}}}')")).await;
    // It waits without a lock on the job, which the retry of the workflow takes.
    tell(&mut session, "set local lock_timeout = '10s'").await;
    tell(&mut session, &format!("select jobs.retry_workflow({workflow}); commit")).await;
    by_job.await.unwrap().unwrap();
    flow.assert(workflow, "running: x running").await;
}

/// Linear: a hundred times the jobs take far less than ten thousand times the rows.
#[tokio::test]
async fn a_retry_of_a_large_group_reads_each_failure_once() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let bodies = vec![json!({}); 3000];
    let workflow = flow.publish(json!([{"name": "g", "task": "a", "each": bodies}]), json!({})).await;
    db.run(&format!("select jobs.cancel_workflow({workflow})")).await;
    let begun = std::time::Instant::now();
    db.run(&format!("select jobs.retry_workflow({workflow})")).await;
    let large = begun.elapsed();
    flow.assert(workflow, "running: g running").await;
    db.run(&format!("select jobs.cancel_workflow({workflow})")).await;
    let ids = db
        .one::<Vec<String>>("select array_agg(job_id::text) from jobs.job where status = 'cancelled'")
        .await;
    db.run("update jobs.job set on_end = null").await;
    let begun = std::time::Instant::now();
    sqlx::query("select count(*) from jobs.retry($1)").bind(ids).execute(&db.pool).await.unwrap();
    assert!(large < begun.elapsed() * 8, "{large:?}, and {:?} for jobs of no workflow", begun.elapsed());
}

#[tokio::test]
async fn a_retry_where_nothing_failed_is_refused_and_what_stays_is_named() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(json!([node("x", "a", json!({}))]), json!({})).await;
    let retry = format!("select jobs.retry_workflow({workflow})");
    let (code, message) = db.refusal(&retry).await;
    assert!(code == "PT409" && message.contains("has failed or was cancelled"), "{code} {message}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.audit").await, 0);
    flow.end("a", "fail").await;
    db.run(&format!("select jobs.redrive('{{{}}}')", flow.job(workflow, "x").await)).await;
    let (code, message) = db.refusal(&retry).await;
    assert!(code == "PT409" && message.contains("runs again"), "{code} {message}");
}

/// Before, each node that ran again was followed for itself.
#[tokio::test]
async fn what_waits_for_many_retried_nodes_is_followed_once() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let mut nodes: Vec<_> = (0..400).map(|nth| node(&format!("n{nth}"), "a", json!({}))).collect();
    let names: Vec<_> = (0..400).map(|nth| format!("n{nth}")).collect();
    nodes.push(node("join", "b", json!({"after": names})));
    nodes.extend((0..400).map(|nth| {
        let before = if nth == 0 { "join".to_owned() } else { format!("c{}", nth - 1) };
        node(&format!("c{nth}"), "c", json!({"after": [before]}))
    }));
    let workflow = flow.publish(json!(nodes), json!({"on_failure": "cancel"})).await;
    flow.end("a", "fail").await;
    let mut session = db.connect().await;
    tell(&mut session, &format!("set statement_timeout = '60s'; select jobs.retry_workflow({workflow})"))
        .await;
    assert!(flow.states(workflow).await.starts_with("running: n0 running"));
    crate::sql_flow::assert_right(&db).await;
    flow.finish().await;
    assert!(flow.states(workflow).await.starts_with("success: n0 success"));
}
