//! The ends of the last parents of a node, in every order: it is published once, and nobody waits.

use pgjobs_tests::Db;
use serde_json::json;
use sqlx::PgConnection;

use crate::sql_flow::{Flow, node, tell};

/// How a transaction that ends a job ends itself.
const ENDS: [&str; 4] = ["commit", "rollback", "prepare, commit", "prepare, rollback"];

/// A session that has ended the job of a task in its open transaction.
async fn ending(db: &Db, task: &str, isolation: &str) -> PgConnection {
    let mut session = db.connect().await;
    let ack = format!(
        "begin isolation level {isolation}; set local jobs.notify = off; select jobs.ack(r.job_id, '5', r.lease) from jobs._runs r where r.task = '{task}'"
    );
    tell(&mut session, &ack).await;
    session
}

/// Ends the transaction; returns whether the job has ended.
async fn end(db: &Db, session: &mut PgConnection, how: &str, name: &str) -> bool {
    let name = format!("{name}_{}", db.one::<String>("select current_database()::text").await);
    if let Some(second) = how.strip_prefix("prepare, ") {
        tell(session, &format!("prepare transaction '{name}'")).await;
        tell(session, &format!("{second} prepared '{name}'")).await;
    } else {
        tell(session, how).await;
    }
    how.ends_with("commit")
}

/// A workflow of two parents that run, and a child.
async fn two_parents(flow: &Flow<'_>) -> i64 {
    let nodes = json!([
        node("x", "a", json!({})),
        node("y", "b", json!({})),
        node("z", "c", json!({"bind": {"p": "x", "q": "y"}}))
    ]);
    let workflow = flow.publish(nodes, json!({})).await;
    // Each in a batch of its own, as what a transaction ends by itself.
    flow.worker.claim(1).await;
    flow.worker.claim(1).await;
    workflow
}

#[tokio::test]
async fn a_node_is_published_once_however_its_last_parents_end() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    for (first, second) in [
        ("read committed", "read committed"),
        ("repeatable read", "read committed"),
        ("read committed", "serializable"),
        ("repeatable read", "repeatable read"),
    ] {
        for (how, other) in ENDS.iter().flat_map(|how| ENDS.iter().map(move |other| (*how, *other))) {
            let workflow = two_parents(&flow).await;
            let (mut one, mut two) = (ending(&db, "a", first).await, ending(&db, "b", second).await);
            let both = (end(&db, &mut one, how, "one").await, end(&db, &mut two, other, "two").await)
                == (true, true);
            // What was left is applied by whoever maintains.
            flow.maintain().await;
            let published: i64 = db.one("select count(*) from jobs.pending where task = 'c'").await;
            assert_eq!(published, i64::from(both), "{first} {how}, {second} {other}");
            crate::sql_flow::assert_right(&db).await;
            flow.settle_all().await;
            flow.maintain().await;
            flow.finish().await;
            flow.assert(workflow, "success: x success, y success, z success").await;
        }
    }
}

/// A parent that is prepared and not yet committed has the workflow locked: others leave their ends to later.
#[tokio::test]
async fn who_ends_a_job_does_not_wait_for_a_prepared_end_of_another() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = two_parents(&flow).await;
    let mut one = ending(&db, "a", "read committed").await;
    let name: String = db.one("select 'held_' || current_database()").await;
    tell(&mut one, &format!("prepare transaction '{name}'")).await;
    let mut two = db.connect().await;
    tell(&mut two, "set lock_timeout = '1s'; set statement_timeout = '20s'").await;
    tell(&mut two, "select jobs.ack(r.job_id, '5', r.lease) from jobs._runs r where r.task = 'b'").await;
    tell(&mut two, "select jobs.maintain()").await;
    flow.assert(workflow, "running: x running, y running, z waiting").await;
    tell(&mut one, &format!("commit prepared '{name}'")).await;
    flow.maintain().await;
    flow.assert(workflow, "running: x success, y success, z running").await;
}

/// The timeout of a user's statement that has the workflow go on: the end of the job stands all the same. (A commit
/// has no timeout of its own.)
#[tokio::test]
async fn a_timeout_while_a_workflow_goes_on_does_not_undo_the_end_of_the_job() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let workflow = flow
        .publish(json!([node("x", "a", json!({})), node("y", "b", json!({"after": ["x"]}))]), json!({}))
        .await;
    flow.worker.claim(1).await;
    db.run("create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(case when new.task = ''b'' and current_setting(''statement_timeout'') <> ''0'' then 30 else 0 end); return new; end';
            create trigger slow before insert on jobs.pending for each row execute function slow()").await;
    let mut session = db.connect().await;
    tell(&mut session, "set statement_timeout = '400ms'").await;
    tell(&mut session, "begin; select jobs.ack(r.job_id, '5', r.lease) from jobs._runs r").await;
    tell(&mut session, "set constraints all immediate").await;
    tell(&mut session, "commit").await;
    assert_eq!(db.count("success").await, 1);
    flow.maintain().await;
    flow.assert(workflow, "running: x success, y running").await;
}

/// A flaw of the moment is no reason to fail a node for good; a node that is broken stops no other job.
#[tokio::test]
async fn a_node_that_cannot_be_published_now_is_tried_again() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let nodes = json!([
        node("x", "a", json!({})),
        node("y", "b", json!({"after": ["x"]})),
        node("z", "c", json!({"after": ["x"]}))
    ]);
    let break_with = |code: &str| {
        format!("create or replace function breaks() returns trigger language plpgsql as 'begin if new.task = ''b'' then raise exception ''broken'' using errcode = ''{code}''; end if; return new; end';
                 create or replace trigger breaks before insert on jobs.pending for each row execute function breaks()")
    };
    for (code, then) in [
        ("40P01", "running: x running, y waiting, z waiting"),
        ("53100", "running: x running, y waiting, z waiting"),
        ("22023", "running: x success, y failed, z running"),
    ] {
        let workflow = flow.publish(nodes.clone(), json!({})).await;
        db.run(&break_with(code)).await;
        flow.worker.claim(1).tasks(&["a"]).await;
        flow.settle("a", "success", "1").await;
        assert_eq!(db.one::<i64>("select count(*) from jobs._runs").await, 0, "the job has ended");
        flow.assert(workflow, then).await;
        db.run("drop trigger breaks on jobs.pending").await;
        flow.maintain().await;
        if code != "22023" {
            flow.assert(workflow, "running: x success, y running, z running").await;
        }
        db.run(&format!("select jobs.cancel_workflow({workflow})")).await;
    }
    crate::sql_flow::assert_right(&db).await;
}
