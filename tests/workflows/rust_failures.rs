//! What the failure of a node does, as the flow or its edges say.

use pgjobs::testing::Database;
use pgjobs::workflow::{Flow, Node, NodeState, OnFailure, WorkflowError, WorkflowHandle, WorkflowState};
use pgjobs::{Error, NewJob, Unique, serde_json, sqlx};

use crate::Outcome;
use crate::rust_tasks::{Seen, number, outcome, outcomes, picky, say, square, undo};

async fn drain(db: &Database) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let seen = Seen::default();
    let _ = db.drain().topic("flow.*").state(seen.clone()).state(db.pool().clone()).await?;
    Ok(seen.list())
}

async fn states(db: &Database, run: &WorkflowHandle<impl Sized>) -> Result<Vec<NodeState>, Error> {
    Ok(run.nodes(db.pool()).await?.into_iter().map(|node| node.state).collect())
}

/// A node that fails, one that takes its result, and one beside.
fn failing() -> (Flow, Node<i64>, Node<i64>) {
    let mut flow = Flow::new("failing");
    let bad = flow.node("bad", picky::new(3));
    let next = flow.then("next", &bad, square::after());
    flow.node("beside", number::new(1));
    (flow, bad, next)
}

#[pgjobs::test]
async fn hold_lets_what_waits_wait_until_a_retry(db: Database) -> Outcome {
    let (flow, bad, next) = failing();
    let run = flow.returns(&next).publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(states(&db, &run).await?, [NodeState::Failed, NodeState::Waiting, NodeState::Success]);
    let error = run.wait(db.pool()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Workflow(WorkflowError::Ended { state: WorkflowState::Failed, .. })),
        "{error}"
    );
    let error = run.result(&bad).wait(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("node `bad`") && error.contains("3 is a multiple of 3"), "{error}");
    let error = run.result(&next).wait(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("node `next`") && error.contains("is waiting"), "{error}");
    let why = run.explain(db.pool()).await?;
    assert!(why.iter().any(|reason| reason.message.contains("bad")), "{why:?}");

    let edit = "update jobs.job set body = '{\"args\": [], \"kwargs\": {\"n\": 4, \"refused\": 3}}' where task = 'flow.picky'";
    sqlx::query(edit).execute(db.pool()).await?;
    assert_eq!(run.retry(db.pool()).await?.len(), 1);
    assert_eq!(run.state(db.pool()).await?, WorkflowState::Running);
    drain(&db).await?;
    assert_eq!(run.wait(db.pool()).await?, 16);
    Ok(())
}

#[pgjobs::test]
async fn cancel_takes_what_comes_after_and_no_other_branch(db: Database) -> Outcome {
    let (flow, ..) = failing();
    let run = flow.on_failure(OnFailure::Cancel).publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(states(&db, &run).await?, [NodeState::Failed, NodeState::Cancelled, NodeState::Success]);
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Failed);
    Ok(())
}

#[pgjobs::test]
async fn cancel_all_takes_what_waits_everywhere(db: Database) -> Outcome {
    let (mut flow, ..) = failing();
    let slow = flow.node("slow", number::new(1)).delay(std::time::Duration::from_secs(3600));
    flow.node("after slow", number::new(1)).after(slow);
    let run = flow.on_failure(OnFailure::CancelAll).publish(db.pool()).await?;
    let _ = db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).concurrency(1).await?;
    sqlx::query("select jobs.maintain()").execute(db.pool()).await?;
    drain(&db).await?;
    let states = states(&db, &run).await?;
    assert_eq!(
        (states[1], states[3], states[4]),
        (NodeState::Cancelled, NodeState::Cancelled, NodeState::Cancelled)
    );
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Failed);
    Ok(())
}

#[pgjobs::test]
async fn who_takes_a_result_goes_on_after_a_failure(db: Database) -> Outcome {
    let mut flow = Flow::new("continue");
    let bad = flow.node("bad", picky::new(3));
    let good = flow.node("good", picky::new(4));
    let of_bad = flow.then("of bad", &bad, outcome::after());
    let of_good = flow.then("of good", &good, outcome::after());
    let group = flow.group("group", (1..=7).map(picky::new));
    let of_group = flow.then("of group", &group, outcomes::after());
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.result(&of_bad).wait(db.pool()).await?, "failed: 3 is a multiple of 3");
    assert_eq!(run.result(&of_good).wait(db.pool()).await?, "got 4");
    assert_eq!(run.result(&of_group).wait(db.pool()).await?, (vec![1, 2, 4, 5, 7], 2));
    assert_eq!(run.state(db.pool()).await?, WorkflowState::Success);
    let all = run.results(&group).all(db.pool()).await?;
    assert_eq!(all.iter().filter(|one| one.is_err()).count(), 2);
    assert!(all[2].as_ref().is_err_and(|failure| failure.error.contains("3 is a multiple")), "{all:?}");
    Ok(())
}

#[pgjobs::test]
async fn a_flow_that_continues_runs_what_needs_no_value(db: Database) -> Outcome {
    let (mut flow, bad, _) = failing();
    flow.node("anyway", number::new(5)).after(&bad);
    let run = flow.on_failure(OnFailure::Continue).publish(db.pool()).await?;
    drain(&db).await?;
    let expected = [NodeState::Failed, NodeState::Cancelled, NodeState::Success, NodeState::Success];
    assert_eq!(states(&db, &run).await?, expected);
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Success);
    Ok(())
}

#[pgjobs::test]
async fn an_alert_runs_when_its_parent_failed_and_only_then(db: Database) -> Outcome {
    let mut flow = Flow::new("alert");
    let (bad, good) = (flow.node("bad", picky::new(3)), flow.node("good", picky::new(1)));
    for (name, node) in [("bad", &bad), ("good", &good)] {
        flow.node(format!("{name} failed"), say::new(format!("{name} failed"))).after(node).when_failed();
        flow.node(format!("{name} ended"), say::new(format!("{name} ended"))).after(node).always();
    }
    let run = flow.publish(db.pool()).await?;
    let mut seen = drain(&db).await?;
    seen.sort();
    assert_eq!(seen, ["bad ended", "bad failed", "good ended"]);
    let why: Vec<_> = run.nodes(db.pool()).await?.into_iter().filter_map(|node| node.reason).collect();
    assert_eq!(why, ["parent_succeeded"]);
    Ok(())
}

#[pgjobs::test]
async fn what_succeeded_is_undone_the_last_first(db: Database) -> Outcome {
    let mut flow = Flow::new("saga");
    let one = flow.node("one", number::new(1)).undo(undo::after());
    let two = flow.then("two", &one, square::after()).undo(undo::after().how("take back"));
    let three = flow.node("three", number::new(3)).after(&two).undo_call(undo::new(30));
    let bad = flow.node("bad", picky::new(3)).after(&three);
    flow.node("never", say::new("never".to_owned())).after(&bad);
    let run = flow.on_failure(OnFailure::Compensate).publish(db.pool()).await?;
    assert_eq!(drain(&db).await?, ["undo 30", "take back 1", "undo 1"]);
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Compensated);
    Ok(())
}

#[pgjobs::test]
async fn an_undo_has_the_options_of_its_call(db: Database) -> Outcome {
    let mut flow = Flow::new("saga");
    let refund = NewJob::named("flow.undo").kwarg("n", 1).retries(7).priority(5).meta("reason", "too late");
    let paid = flow.node("paid", number::new(1)).undo_call(refund);
    flow.node("bad", picky::new(3)).after(&paid);
    let run = flow.on_failure(OnFailure::Compensate).publish(db.pool()).await?;
    let _ = db.drain().topic("flow.number").topic("flow.picky").await?;
    let undo: (i32, i32, serde_json::Value) =
        sqlx::query_as("select max_retries, priority, meta from jobs.pending where task = 'flow.undo'")
            .fetch_one(db.pool())
            .await?;
    assert_eq!((undo.0, undo.1, undo.2["reason"].as_str()), (7, 5, Some("too late")));
    assert_eq!(drain(&db).await?, ["undo 1"]);
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Compensated);
    Ok(())
}

#[pgjobs::test]
async fn a_node_whose_job_is_unique_is_refused(db: Database) -> Outcome {
    let call = || NewJob::named("flow.number").kwarg("n", 1).unique(Unique::by("one"));
    let mut flow = Flow::new("one");
    flow.node("alone", call());
    let error = flow.publish(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("`alone`") && error.contains(".not_unique()"), "{error}");
    let mut flow = Flow::new("two");
    flow.node("beside", call()).not_unique();
    flow.publish(db.pool()).await?;
    Ok(())
}

#[pgjobs::test]
async fn results_of_a_group_say_which_jobs_were_cancelled(db: Database) -> Outcome {
    let mut flow = Flow::new("group");
    let all = flow.group("all", [3, 4].map(picky::new));
    let run = flow.publish(db.pool()).await?;
    let second = "select jobs.cancel(array[n.job_ids[2]]) from jobs.node n";
    sqlx::query(second).execute(db.pool()).await?;
    drain(&db).await?;
    let ended = run.results(&all).page(db.pool(), None, 10).await?;
    let states: Vec<_> = ended.iter().filter_map(|job| Some(job.result.as_ref().err()?.state)).collect();
    assert_eq!(states, [NodeState::Failed, NodeState::Cancelled]);
    Ok(())
}

#[pgjobs::test]
async fn a_cancel_ends_what_waits_and_says_why(db: Database) -> Outcome {
    let (flow, _, next) = failing();
    let run = flow.publish(db.pool()).await?;
    assert_eq!(run.result(&next).cancel(db.pool(), "not needed").await?, 1);
    assert!(run.cancel(db.pool(), "nor the rest").await? > 0);
    assert!(drain(&db).await?.is_empty());
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Cancelled);
    let error = run.wait(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("ended as cancelled"), "{error}");
    Ok(())
}

#[pgjobs::test]
async fn a_deadline_cancels_what_has_not_ended(db: Database) -> Outcome {
    let (flow, ..) = failing();
    let hour = std::time::Duration::from_secs(3600);
    let mut flow = flow.timeout(hour);
    flow.node("late", number::new(1)).delay(2 * hour);
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    db.clock().advance(hour).await?;
    drain(&db).await?;
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Cancelled);
    Ok(())
}

#[pgjobs::test]
async fn an_edge_has_its_own_policy(db: Database) -> Outcome {
    let mut flow = Flow::new("edges");
    let bad = flow.node("bad", picky::new(3));
    flow.node("goes on", number::new(1)).after(&bad).on_failure(OnFailure::Continue);
    flow.node("is cancelled", number::new(1)).after(&bad).on_failure(OnFailure::Cancel);
    flow.node("is held", number::new(1)).after(&bad);
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    let expected = [NodeState::Failed, NodeState::Success, NodeState::Cancelled, NodeState::Waiting];
    assert_eq!(states(&db, &run).await?, expected);
    Ok(())
}
