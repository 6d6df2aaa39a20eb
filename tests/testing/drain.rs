//! A worker runs what is ready.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use pgjobs::testing::{Database, TestError};
use pgjobs::{End, JobState, Task, Worker, sqlx};

use crate::Outcome;
use crate::tasks::{Mailer, Tries, again, countdown, echo, third, welcome};

const HOUR: Duration = Duration::from_secs(3600);

#[pgjobs::test]
async fn a_drain_runs_what_is_ready_and_leaves_the_rest(db: Database) -> Outcome {
    let now = pgjobs::publish_all(db.pool(), (0..100).map(echo::new)).await?;
    let later = echo::new(5).publish(db.pool()).delay(HOUR).await?;
    let report = db.drain().topic("plain.*").await?;
    assert_eq!((report.succeeded, report.end), (100, End::Orderly));
    assert_eq!(now[7].wait(db.pool()).await?, 7);
    assert_eq!(later.fetch(db.pool()).await?.state, JobState::Pending);
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 0);
    Ok(())
}

#[pgjobs::test]
async fn a_drain_hands_its_state_to_the_tasks(db: Database) -> Outcome {
    let mailer = Mailer::default();
    for user in 1..=3 {
        welcome::publish(db.pool(), user, format!("{user}@example.org")).await?;
    }
    let report = db.drain().topic("testing.tasks.*").state(mailer.clone()).concurrency(1).await?;
    assert_eq!(report.succeeded, 3);
    assert_eq!(mailer.sent(), ["1 1@example.org en", "2 2@example.org en", "3 3@example.org en"]);
    Ok(())
}

#[pgjobs::test]
async fn a_state_that_is_missing_is_named(db: Database) -> Outcome {
    welcome::publish(db.pool(), 1, String::new()).await?;
    let error = db.drain().topic("testing.tasks.*").await.unwrap_err().to_string();
    assert!(error.contains("Mailer`; add .state(…)"), "{error}");
    Ok(())
}

#[pgjobs::test]
async fn a_drain_moves_the_clock_to_what_is_scheduled(db: Database) -> Outcome {
    let began = db.clock().now().await?;
    countdown::publish(db.pool(), 30).await?;
    let report = db.drain().topic("plain.*").including_scheduled().await?;
    assert_eq!((report.succeeded, report.end), (31, End::Orderly));
    assert_eq!((db.clock().now().await? - began).num_hours(), 30);
    Ok(())
}

#[pgjobs::test]
async fn backoff_is_waited_for_without_waiting(db: Database) -> Outcome {
    let job = third::publish(db.pool()).await?;
    let tries = Arc::new(Tries(AtomicU32::new(0)));
    assert_eq!(db.drain().topic("tries.*").state(tries.clone()).await?.retried, 1);
    assert_eq!(db.drain().topic("tries.*").state(tries.clone()).await?.retried, 0, "it waits for an hour");
    let report = db.drain().topic("tries.*").state(tries).including_scheduled().await?;
    assert_eq!((report.retried, report.succeeded), (1, 1));
    assert_eq!(job.wait(db.pool()).await?, 3);
    Ok(())
}

#[pgjobs::test]
async fn a_drain_that_would_never_end_says_why(db: Database) -> Outcome {
    again::publish(db.pool()).await?;
    let error = db.drain().topic("endless.*").limit(50).await.unwrap_err();
    assert!(matches!(error, TestError::Endless { limit: 50, .. }), "{error}");
    let said = error.to_string();
    assert!(said.starts_with("the drain was ended after 50 runs, at a job of `endless.again`"), "{said}");

    countdown::publish(db.pool(), 1000).await?;
    let error = db.drain().topic("plain.*").including_scheduled().limit(20).await.unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("the drain was ended after 20 runs, at a job of `plain.countdown`"), "{said}");
    Ok(())
}

/// Its jobs are due at times that never come, as those of a topic that is paused.
#[pgjobs::test]
async fn moves_of_the_clock_have_a_limit_as_well(db: Database) -> Outcome {
    for hours in 1..=5 {
        echo::new(1).publish(db.pool()).delay(hours * HOUR).await?;
    }
    sqlx::query("select jobs.pause_topic('plain.*')").execute(db.pool()).await?;
    let error = db.drain().topic("plain.*").including_scheduled().limit(3).await.unwrap_err();
    assert!(error.to_string().starts_with("the drain was ended after 3 jumps of the clock"), "{error}");
    Ok(())
}

#[pgjobs::test]
async fn a_limit_is_the_number_of_runs(db: Database) -> Outcome {
    for (limit, rest) in [(0, 50), (10, 40)] {
        pgjobs::publish_all(db.pool(), (0..50).map(echo::new)).await?;
        let error = db.drain().topic("plain.*").limit(limit).await.unwrap_err();
        assert!(error.to_string().contains("raise `.limit(…)` if the test needs more"), "{error}");
        let report = db.drain().topic("plain.*").limit(rest).await?;
        assert_eq!((report.succeeded, report.snoozed), (rest, 0), "{limit}");
    }
    Ok(())
}

#[pgjobs::test]
async fn a_report_says_which_runs_failed_and_why(db: Database) -> Outcome {
    let job = echo::publish(db.pool(), -1).await?;
    let tries = Arc::new(Tries(AtomicU32::new(0)));
    third::publish(db.pool()).await?;
    let report = db.drain().topic("plain.*").topic("tries.*").state(tries).including_scheduled().await?;
    assert_eq!((report.succeeded, report.failed, report.retried), (1, 1, 2));
    let failure = report.failures().iter().find(|run| run.id == *job.id()).ok_or("it failed")?;
    assert_eq!((&*failure.task, failure.attempt, failure.error.message()), ("plain.echo", 1, "below zero"));
    let said = format!("{report:?}");
    assert!(
        said.contains(&format!("run 1 of job {} of `plain.echo` failed: below zero", job.id())),
        "{said}"
    );
    let error = report.no_failures().unwrap_err().to_string();
    assert!(error.contains("of `tries.third` failed: not yet"), "{error}");
    db.drain().topic("plain.*").await?.no_failures()?;
    Ok(())
}

/// Run by the test below; the output of a test that fails is shown.
#[pgjobs::test]
#[ignore = "it fails"]
async fn the_number_is_wrong(db: Database) -> Outcome {
    echo::publish(db.pool(), -1).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 1);
    Ok(())
}

#[test]
fn the_output_of_a_test_that_fails_says_why_runs_failed() {
    let program = std::env::current_exe().expect("this program");
    let ran = pgjobs_tests::output(std::process::Command::new(program).args([
        "--exact",
        "drain::the_number_is_wrong",
        "--ignored",
    ]));
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("of `plain.echo` failed: below zero") && !ran.status.success(), "{said}");
}

#[pgjobs::test]
async fn a_drain_of_another_worker_ends_as_well(db: Database) -> Outcome {
    echo::publish(db.pool(), 1).await?;
    let drain = db.drain().worker(|_| Worker::new(db.pool().clone()).topic("plain.*"));
    let report = tokio::time::timeout(Duration::from_secs(20), async { drain.await }).await??;
    assert_eq!(report.succeeded, 1);
    Ok(())
}
