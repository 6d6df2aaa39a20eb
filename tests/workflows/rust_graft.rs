//! Jobs that add nodes to their own workflow.

use pgjobs::testing::Database;
use pgjobs::workflow::{Flow, WorkflowState};
use pgjobs::{Error, Job, TaskError, sqlx, task};

use crate::Outcome;
use crate::rust_tasks::{Seen, grow, number, square, sum};

async fn drain(db: &Database) -> Outcome {
    db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?.no_failures()?;
    Ok(())
}

#[pgjobs::test]
async fn a_running_job_adds_nodes_that_others_then_wait_for(db: Database) -> Outcome {
    let mut flow = Flow::new("grow");
    let grown = flow.node("grow", grow::new(4).before("report"));
    flow.node("report", number::new(1)).after(grown);
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Success);
    let nodes = run.nodes(db.pool()).await?;
    let ended = |name: &str| nodes.iter().find(|node| node.name == name).and_then(|node| node.ended_at);
    assert!(ended("report") >= ended("sum") && ended("sum").is_some(), "{nodes:?}");
    assert_eq!(run.node::<i64>("sum").wait(db.pool()).await?, 30);
    Ok(())
}

/// Takes the results of a node that is there already.
#[task(name = "flow.tail")]
async fn tail(#[inject] job: &Job, #[inject] pool: &sqlx::PgPool, times: i64) -> Result<(), TaskError> {
    let mut more = Flow::new("tail");
    let numbers = more.existing_group::<i64>("numbers");
    let first = more.then("total", &numbers, sum::after());
    for time in 0..times {
        more.then(format!("square {time}"), &first, square::after());
    }
    job.workflow().add(pool, more).await?;
    Ok(())
}

#[pgjobs::test]
async fn added_nodes_take_results_of_nodes_that_have_ended(db: Database) -> Outcome {
    let mut flow = Flow::new("tail");
    let numbers = flow.group("numbers", [1, 2, 3].map(number::new));
    flow.node("tail", tail::new(2)).after(&numbers);
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.node::<i64>("square 1").wait(db.pool()).await?, 36);
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Success);
    Ok(())
}

#[pgjobs::test]
async fn a_job_of_no_workflow_cannot_add_nodes(db: Database) -> Outcome {
    tail::publish(db.pool(), 1).retries(1).await?;
    let report = db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?;
    let error = report.no_failures().unwrap_err().to_string();
    assert!(error.contains("belongs to no workflow"), "{error}");
    Ok(())
}

/// Loses its lease, then adds.
#[task(name = "flow.lost", retries = 1)]
async fn lost(
    #[inject] job: &Job,
    #[inject] pool: &sqlx::PgPool,
    #[inject] seen: &Seen,
) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    job.finish(&mut tx, &()).await?;
    tx.commit().await?;
    let mut more = Flow::new("more");
    more.node("more", number::new(1));
    match job.workflow().add(pool, more).await {
        Err(Error::LeaseLost(_)) => seen.say("lost"),
        other => seen.say(format!("{other:?}")),
    }
    Ok(())
}

#[pgjobs::test]
async fn a_run_that_has_ended_adds_nothing(db: Database) -> Outcome {
    let mut flow = Flow::new("lost");
    flow.node("lost", lost::new());
    let run = flow.publish(db.pool()).await?;
    let seen = Seen::default();
    let _ = db.drain().topic("flow.*").state(seen.clone()).state(db.pool().clone()).await?;
    assert_eq!(seen.list(), ["lost"]);
    assert_eq!(run.nodes(db.pool()).await?.len(), 1);
    Ok(())
}
