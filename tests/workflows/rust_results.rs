//! Results of many jobs, and of groups.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt};
use pgjobs::testing::Database;
use pgjobs::workflow::{Flow, NodeState, group};
use pgjobs::{Error, Worker, publish_all};
use pgjobs_tests::Db;

use crate::Outcome;
use crate::rust_tasks::{Seen, number, picky, say, square, sum};

#[tokio::test(flavor = "multi_thread")]
async fn all_results_come_in_the_order_of_the_handles() {
    let db = Db::new().await;
    let jobs = publish_all(&db.pool, (0..300).map(square::new)).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("flow.*").state(Seen::default()).state(db.pool.clone());
    let worker = worker.start().await.unwrap();
    let squares = pgjobs::wait_all(&db.pool, &jobs).await.unwrap();
    assert_eq!(squares, (0..300).map(|n| n * n).collect::<Vec<i64>>());
    assert_eq!(pgjobs::wait_all(&db.pool, &jobs[..0]).await.unwrap(), [0; 0]);
    worker.shutdown().await;
}

#[pgjobs::test]
async fn the_first_failure_ends_the_wait_for_all(db: Database) -> Outcome {
    let jobs = publish_all(db.pool(), (1..=3).map(picky::new)).await?;
    let _ = db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?;
    let error = pgjobs::wait_all(db.pool(), &jobs).await.unwrap_err();
    assert!(matches!(&error, Error::JobFailed { id, .. } if id == jobs[2].id()), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_as_jobs_end_with_one_connection_for_all() {
    let db = Db::new().await;
    let jobs = publish_all(&db.pool, (1..=30).map(picky::new)).await.unwrap();
    let late = number::publish(&db.pool, 1000).delay(std::time::Duration::from_secs(3)).await.unwrap();
    let numbers: HashMap<_, _> = (1..=30).zip(&jobs).map(|(n, job)| (job.id().clone(), n)).collect();
    let worker = Worker::new(db.pool.clone()).topic("flow.*").state(Seen::default()).state(db.pool.clone());
    let worker = worker.start().await.unwrap();
    let mut results = pgjobs::results(&db.pool, [late.clone()].into_iter().chain(jobs));
    let (mut good, mut last) = (0, None);
    while let Some((job, result)) = results.next().await {
        match (numbers.get(job.id()), result) {
            (Some(n), Ok(result)) => assert_eq!((*n, n % 3 != 0), (result, true)),
            (Some(n), Err(error)) => assert!(n % 3 == 0 && matches!(error, Error::JobFailed { .. })),
            (None, result) => assert_eq!(result.unwrap(), 1000),
        }
        (good, last) = (good + 1, Some(job.id().clone()));
    }
    assert_eq!((good, last.as_ref()), (31, Some(late.id())), "the one that is late comes last");
    let asking = "select count(*) from pg_stat_activity where application_name = 'pgjobs wait' and datname = current_database()";
    assert_eq!(db.one::<i64>(asking).await, 1);
    worker.shutdown().await;
}

#[pgjobs::test]
async fn results_of_a_group_are_read_in_pages_or_as_a_stream(db: Database) -> Outcome {
    let mut flow = Flow::new("pages");
    let numbers = flow.group("numbers", (0..25).map(picky::new));
    flow.then("sum", &numbers, sum::after());
    let run = flow.publish(db.pool()).await?;
    let _ = db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?;
    let results = run.results(&numbers);
    let page = results.page(db.pool(), Some(9), 5).await?;
    let seen: Vec<_> = page.iter().map(|job| (job.nth, job.result.as_ref().ok().copied())).collect();
    assert_eq!(seen, [(10, Some(10)), (11, Some(11)), (12, None), (13, Some(13)), (14, Some(14))]);
    assert_eq!(page[2].result.as_ref().unwrap_err().state, NodeState::Failed);
    assert!(page.iter().all(|job| job.job_id.is_some()));
    let all: Vec<_> = results.stream(db.pool()).try_collect().await?;
    assert_eq!(all.iter().map(|job| job.nth).collect::<Vec<_>>(), (0..25).collect::<Vec<_>>());
    Ok(())
}

/// The rows of history are gone, the results are not.
#[pgjobs::test]
async fn results_of_a_workflow_do_not_need_the_history_of_its_jobs(db: Database) -> Outcome {
    let run = group((1..=3).map(number::new)).then(sum::after()).publish(db.pool()).await?;
    let _ = db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?;
    pgjobs::sqlx::query("delete from jobs.job").execute(db.pool()).await?;
    assert_eq!(run.wait(db.pool()).await?, 6);
    assert_eq!(run.node::<Vec<i64>>("number").wait(db.pool()).await?, [1, 2, 3]);
    Ok(())
}

#[pgjobs::test]
async fn a_group_of_nothing_to_return_keeps_no_results(db: Database) -> Outcome {
    let mut flow = Flow::new("nothing");
    let said = flow.group("say", ["a", "b"].map(|what| say::new(what.to_owned())));
    flow.node("end", number::new(1)).after(&said);
    let kept = flow.group("kept", [1, 2].map(number::new)).drop_results();
    flow.node("last", number::new(1)).after(&kept);
    let run = flow.publish(db.pool()).await?;
    db.drain().topic("flow.*").state(Seen::default()).state(db.pool().clone()).await?.no_failures()?;
    assert!(run.results(&said).all(db.pool()).await?.is_empty());
    assert!(run.results(&kept).all(db.pool()).await?.is_empty());
    Ok(())
}
