//! Workflows of thousands of nodes and jobs: in pieces, so that no call takes longer than its caller waits.

use std::time::Duration;

use pgjobs_tests::Db;
use serde_json::{Value, json};

use crate::sql_flow::{Flow, assert_right, node, tell};

fn nodes(number: usize, task: &str, more: &Value) -> Vec<Value> {
    (0..number).map(|nth| node(&format!("n{nth}"), task, more.clone())).collect()
}

#[tokio::test]
async fn a_large_group_is_stopped_in_pieces_when_its_time_is_over() {
    let db = Db::with_clock().await;
    let flow = Flow::on(&db).await;
    let group = json!({"name": "g", "task": "a", "each": vec![json!({}); 4100], "max_retries": 1});
    let later = node("later", "b", json!({"after": ["g"]}));
    let workflow = flow.publish(json!([group, later]), json!({"timeout": 20})).await;
    db.advance(Duration::from_secs(21)).await;
    let open = format!("select open from jobs.node where workflow = {workflow} and name = 'g'");
    for left in [2100, 100] {
        flow.maintain().await;
        flow.assert(workflow, "cancelled: g running, later cancelled").await;
        assert_eq!(db.one::<i32>(&open).await, left);
    }
    flow.maintain().await;
    flow.assert(workflow, "cancelled: g cancelled, later cancelled").await;
    assert!(db.one::<bool>("select ended_at is not null from jobs.workflow").await);
    assert_eq!(db.count("cancelled").await, 4100);
    // All of it runs again.
    db.run(&format!("select jobs.retry_workflow({workflow})")).await;
    flow.assert(workflow, "running: g running, later waiting").await;
    assert_eq!(db.one::<i32>(&open).await, 4100);
}

#[tokio::test]
async fn many_nodes_are_stopped_in_pieces_when_one_fails() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let mut all = nodes(2500, "a", &json!({}));
    all.push(node("x", "b", json!({})));
    flow.publish(json!(all), json!({"on_failure": "cancel_all"})).await;
    flow.end("b", "fail").await;
    let running = "select count(*) from jobs.node where state = 'running'";
    for left in [500, 0] {
        flow.maintain().await;
        assert_eq!(db.one::<i64>(running).await, left);
        assert_right(&db).await;
    }
    assert_eq!(
        db.one::<String>("select state::text from jobs.workflow where ended_at is not null").await,
        "failed"
    );
}

/// A stop that takes too long ends neither what else is to be maintained nor the next try.
#[tokio::test]
async fn a_stop_that_is_cut_off_does_not_take_maintenance_along() {
    let db = Db::with_clock().await;
    let flow = Flow::on(&db).await;
    let workflow = flow.publish(json!([node("x", "a", json!({}))]), json!({"timeout": 20})).await;
    db.run("create function jobs._slow() returns trigger language plpgsql as 'begin perform pg_sleep(60); return new; end';
            create trigger slow before update on jobs.node for each row execute function jobs._slow();
            select jobs.publish('b', i_scheduled_at => jobs.now() + interval '20 s')").await;
    db.advance(Duration::from_secs(21)).await;
    let mut session = db.connect().await;
    tell(&mut session, "set statement_timeout = '1s'; select jobs.maintain()").await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.pending where task = 'b' and ready_seq is not null").await,
        1
    );
    flow.assert(workflow, "running: x running").await;
    db.run("drop trigger slow on jobs.node; select jobs.maintain()").await;
    flow.assert(workflow, "cancelled: x cancelled").await;
}

#[tokio::test]
async fn a_wide_fan_out_starts_in_pieces() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let mut all = vec![node("x", "b", json!({}))];
    all.extend(nodes(5200, "a", &json!({"after": ["x"]})));
    flow.publish(json!(all), json!({})).await;
    flow.end("b", "success").await;
    let waiting = "select count(*) from jobs.node where state = 'waiting'";
    assert_eq!(db.one::<i64>(waiting).await, 200, "5,000 start when it ends");
    // Those that run end before the others start: the workflow goes on.
    flow.end("a", "success").await;
    let left = db.one::<i64>(waiting).await;
    flow.maintain().await;
    assert_eq!((left == 200, db.one::<i64>(waiting).await), (false, 0), "each look starts more");
    flow.finish().await;
    assert_eq!(
        db.one::<String>("select state || ' ' || open || ' ' || running from jobs.workflow").await,
        "success 0 0"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.node_delta").await, 0);
}

#[tokio::test]
async fn ends_of_many_nodes_are_looked_at_once() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let both = [
        flow.publish(json!(nodes(30, "a", &json!({}))), json!({})).await,
        flow.publish(json!(nodes(30, "a", &json!({}))), json!({})).await,
    ];
    flow.worker.claim(60).tasks(&["a"]).await;
    let mut session = db.connect().await;
    tell(
        &mut session,
        "begin; select jobs.settle(array_agg(r.job_id::text), array_agg(r.lease)) from jobs._runs r",
    )
    .await;
    let looks: Vec<i64> =
        sqlx::query_scalar("select count(*) from jobs.node_delta where is_first group by workflow")
            .fetch_all(&mut session)
            .await
            .unwrap();
    assert_eq!(looks, [1, 1]);
    tell(&mut session, "commit").await;
    for workflow in both {
        assert!(flow.states(workflow).await.starts_with("success: n0 success, n1 success"));
    }
    assert_right(&db).await;
}

#[tokio::test]
async fn all_workflows_whose_days_are_over_go_in_one_call() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    flow.publish(json!([node("x", "a", json!({}))]), json!({})).await;
    flow.finish().await;
    db.run("update jobs.workflow set ended_at = ended_at - interval '30 days';
            insert into jobs.workflow (on_failure, created_at, ended_at, state, nodes, open, published_by)
            select on_failure, created_at, ended_at, state, nodes, open, published_by from jobs.workflow, generate_series(1, 2500)").await;
    db.run("call jobs.maintain_partitions_and_commit()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.workflow").await, 0);
}
