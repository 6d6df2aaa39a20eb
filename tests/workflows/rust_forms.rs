//! Every form of the canvas, run by a worker.

use std::time::Duration;

use pgjobs::serde_json::{Value, json};
use pgjobs::testing::Database;
use pgjobs::workflow::{Flow, NodeState, WorkflowState, chain, chord, group};
use pgjobs::{NewJob, Tx};

use crate::Outcome;
use crate::rust_tasks::{
    Seen, add, count_to, join, maybe, number, optional_outcomes, or_zero, say, square, stream_sum, sum,
};

#[pgjobs::test]
async fn a_chain_hands_each_result_to_the_next(db: Database) -> Outcome {
    let run =
        chain(number::new(2)).then(square::after()).then(add::after().b(1).c(10)).publish(db.pool()).await?;
    db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?.no_failures()?;
    assert_eq!(run.wait(db.pool()).await?, 15);
    assert_eq!(run.state(db.pool()).await?, WorkflowState::Success);
    let nodes = run.nodes(db.pool()).await?;
    let names: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.state, node.jobs)).collect();
    assert_eq!(
        names,
        [
            ("number", NodeState::Success, 1),
            ("square", NodeState::Success, 1),
            ("add", NodeState::Success, 1)
        ]
    );
    assert_eq!(nodes[2].after[0].node, "square");
    Ok(())
}

#[pgjobs::test]
async fn defaults_of_an_open_call_are_those_of_the_function(db: Database) -> Outcome {
    let run = chain(number::new(2)).then(add::after()).publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.wait(db.pool()).await?, 102);
    Ok(())
}

#[pgjobs::test]
async fn a_group_gives_its_results_in_the_order_of_its_calls(db: Database) -> Outcome {
    let run = group((0..200).map(square::new)).publish(db.pool()).await?;
    drain(&db).await?;
    let squares: Vec<i64> = (0..200).map(|n| n * n).collect();
    assert_eq!(run.wait(db.pool()).await?, squares);
    Ok(())
}

#[pgjobs::test]
async fn a_group_of_nothing_succeeds_with_nothing(db: Database) -> Outcome {
    let run = chord((0..0).map(square::new), sum::after()).publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.wait(db.pool()).await?, 0);
    Ok(())
}

#[pgjobs::test]
async fn a_chord_sums_what_its_group_returns(db: Database) -> Outcome {
    let run = chord((1..=100).map(number::new), sum::after()).publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.wait(db.pool()).await?, 5050);
    Ok(())
}

#[pgjobs::test]
async fn map_and_chunks_run_over_what_a_node_returns(db: Database) -> Outcome {
    let mut flow = Flow::new("lists");
    let list = flow.node("list", count_to::new(10));
    let squares = flow.map("squares", &list, square::after());
    let sums = flow.chunks("sums", &squares, 4, sum::after());
    let again = flow.map("again", &sums, add::after().b(1));
    let all = flow.then("all", &again, sum::after());
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.result(&squares).wait(db.pool()).await?.len(), 10);
    assert_eq!(run.result(&sums).wait(db.pool()).await?, [30, 174, 181]);
    assert_eq!(run.result(&all).wait(db.pool()).await?, 30 + 174 + 181 + 3);
    let chunks = run.nodes(db.pool()).await?;
    assert_eq!(chunks.iter().map(|node| node.jobs).collect::<Vec<_>>(), [1, 10, 3, 3, 1]);
    Ok(())
}

#[pgjobs::test]
async fn an_argument_that_may_be_absent_takes_values_and_none(db: Database) -> Outcome {
    let mut flow = Flow::new("maybe");
    let plain = flow.node("plain", number::new(3));
    let some = flow.node("some", maybe::new(4));
    let none = flow.node("none", maybe::new(0));
    let many = flow.group("many", [5, 0].map(maybe::new));
    let list = flow.node("list", count_to::new(2));
    let each = flow.map("each", &list, or_zero::after());
    let plain = flow.then("of plain", plain, or_zero::after());
    let some = flow.then("of some", some, or_zero::after());
    let none = flow.then("of none", none, or_zero::after());
    let many = flow.map("of many", many, or_zero::after());
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    for (node, expected) in [(plain, 3), (some, 4), (none, 0)] {
        assert_eq!(run.result(&node).wait(db.pool()).await?, expected);
    }
    assert_eq!(run.result(&many).wait(db.pool()).await?, [5, 0]);
    assert_eq!(run.result(&each).wait(db.pool()).await?, [1, 2]);
    Ok(())
}

#[pgjobs::test]
async fn arguments_that_may_be_absent_take_outcomes_and_pages(db: Database) -> Outcome {
    let mut flow = Flow::new("outcomes");
    let one = flow.node("one", number::new(3));
    let many = flow.group("many", [4, 5].map(number::new));
    let all = flow.then("all", (&one, &many, &many), optional_outcomes::after());
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.result(&all).wait(db.pool()).await?, "3 9 true");
    Ok(())
}

#[pgjobs::test]
async fn several_parents_fill_in_several_arguments(db: Database) -> Outcome {
    let mut flow = Flow::new("join");
    let one = flow.node("one", number::new(7));
    let many = flow.group("many", [1, 2].map(number::new));
    let joined = flow.then("join", (&one, &many), join::after("x".to_owned()));
    let run = flow.returns(&joined).publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.wait(db.pool()).await?, "x7:[1, 2]");
    Ok(())
}

#[pgjobs::test]
async fn a_handle_reads_the_results_of_a_large_group_in_pages(db: Database) -> Outcome {
    let mut flow = Flow::new("large");
    let numbers = flow.group("numbers", (1..=2500).map(number::new));
    let total = flow.then("sum", &numbers, stream_sum::after());
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.result(&total).wait(db.pool()).await?, 2500 * 2501 / 2);
    assert_eq!(run.result(&numbers).wait(db.pool()).await?, (1..=2500).collect::<Vec<i64>>());
    Ok(())
}

#[pgjobs::test]
async fn flows_nest_three_deep_and_wait_for_each_other(db: Database) -> Outcome {
    let seen = Seen::default();
    let leaf = |name: &str| {
        let mut flow = Flow::new("leaf");
        let first = flow.node("first", say::new(format!("{name} first")));
        flow.node("last", say::new(format!("{name} last"))).after(first);
        flow
    };
    let mut inner = Flow::new("inner");
    let a = inner.include("a", leaf("a"));
    let b = inner.include("b", leaf("b")).after(&a);
    let mut middle = Flow::new("middle");
    let _ = middle.include("inner", inner);
    middle.node("done", say::new("middle done".to_owned())).after(&b);
    let mut outer = Flow::new("outer");
    let start = outer.node("start", say::new("start".to_owned()));
    let part = outer.include("middle", middle).after(&start);
    outer.node("end", say::new("end".to_owned())).after(&part);
    let run = outer.publish(db.pool()).await?;
    db.drain().topic("flow.*").state(seen.clone()).state(db.pool().clone()).await?.no_failures()?;
    assert_eq!(run.wait_ended(db.pool()).await?, WorkflowState::Success);
    assert_eq!(seen.list(), ["start", "a first", "a last", "b first", "b last", "middle done", "end"]);
    let names: Vec<String> = run.nodes(db.pool()).await?.into_iter().map(|node| node.name).collect();
    assert!(names.contains(&"middle/inner/a/first".to_owned()), "{names:?}");
    Ok(())
}

#[pgjobs::test]
async fn a_flow_is_part_of_the_transaction_that_publishes_it(db: Database) -> Outcome {
    let mut tx = db.pool().begin().await?;
    let gone = chain(number::new(1)).then(square::after()).publish(&mut *tx).await?;
    tx.rollback().await?;
    assert!(gone.fetch(db.pool()).await.is_err());
    let tx = Tx::begin(db.pool()).await?;
    let kept = chain(number::new(3)).then(square::after()).publish(&tx).await?;
    tx.commit().await?;
    assert_eq!(drain(&db).await?, 2);
    assert_eq!(kept.wait(db.pool()).await?, 9);
    Ok(())
}

#[pgjobs::test]
async fn options_of_nodes_are_those_of_their_jobs(db: Database) -> Outcome {
    let mut flow = Flow::new("options");
    let first = flow.node("first", number::new(1)).priority(4).meta("tenant", 7).tag("eu");
    flow.then("second", first, square::after())
        .delay(Duration::from_secs(3600))
        .retries(9)
        .timeout(Duration::from_secs(7));
    let run = flow.meta("by", "me").publish(db.pool()).await?;
    drain(&db).await?;
    let sql = "select jsonb_build_object('task', j.task, 'priority', j.priority, 'meta', j.meta, 'max_retries', j.max_retries, 'timeout', j.timeout, \
         'hours', round(extract(epoch from j.scheduled_at - now()) / 3600)) from jobs.\"all\" j order by j.task";
    let jobs: Vec<Value> = pgjobs::sqlx::query_scalar(sql).fetch_all(db.pool()).await?;
    assert_eq!(jobs[0]["priority"], 4);
    assert_eq!(jobs[0]["meta"], json!({"tenant": 7, "tags": ["eu"]}));
    assert_eq!((&jobs[1]["max_retries"], &jobs[1]["hours"]), (&json!(9), &json!(1)), "{jobs:?}");
    assert_eq!(run.fetch(db.pool()).await?.meta.unwrap().get(), r#"{"by": "me"}"#);
    Ok(())
}

#[pgjobs::test]
async fn a_call_by_name_takes_results_by_name(db: Database) -> Outcome {
    let mut flow = Flow::new("named");
    let one = flow.node("one", NewJob::named("flow.number").arg(6));
    let squared = flow.node("square", NewJob::named("flow.square")).bind("n", &one);
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.result(&squared).wait(db.pool()).await?, json!(36));
    assert_eq!(run.wait(db.pool()).await?, json!(36), "that of the only node that nobody waits for");
    Ok(())
}

#[pgjobs::test]
async fn what_cannot_be_meant_is_refused_with_the_node(db: Database) -> Outcome {
    let mut flow = Flow::new("twice");
    flow.node("a", number::new(1));
    flow.node("a", number::new(2));
    let error = flow.publish(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("node 'a': there are two of this name"), "{error}");
    let mut flow = Flow::new("circle");
    let a = flow.node("a", number::new(1));
    let b = flow.node("b", number::new(2)).after(&a);
    a.after(&b);
    let error = flow.publish(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("in a circle: "), "{error}");
    let mut flow = Flow::new("itself");
    let a = flow.node("a", number::new(1));
    a.clone().after(&a);
    let error = flow.publish(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("in a circle: 'a'"), "{error}");
    let error = Flow::new("empty").publish(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("at least one"), "{error}");
    Ok(())
}

#[pgjobs::test]
async fn a_condition_decides_which_branch_runs(db: Database) -> Outcome {
    let mut flow = Flow::new("branch");
    let n = flow.node("n", number::new(2));
    let two = flow.then("two", &n, square::after()).condition(json!(2));
    let three = flow.then("three", &n, square::after()).condition(json!(3));
    let run = flow.publish(db.pool()).await?;
    drain(&db).await?;
    assert_eq!(run.result(&two).wait(db.pool()).await?, 4);
    let error = run.result(&three).wait(db.pool()).await.unwrap_err().to_string();
    assert!(error.contains("node `three`") && error.contains("skipped: condition_unmet"), "{error}");
    assert_eq!(run.state(db.pool()).await?, WorkflowState::Success);
    Ok(())
}

/// Runs what is ready; the number of successes.
async fn drain(db: &Database) -> Result<u64, Box<dyn std::error::Error>> {
    let report = db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?;
    let succeeded = report.succeeded;
    report.no_failures()?;
    Ok(succeeded)
}
