//! A worker runs what is ready.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use pgjobs::testing::{Database, TestError};
use pgjobs::{End, JobState, Task};

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
    assert!(
        said.starts_with("the drain was ended after 50 runs, the next one was of `endless.again`"),
        "{said}"
    );

    countdown::publish(db.pool(), 1000).await?;
    let error = db.drain().topic("plain.*").including_scheduled().limit(20).await.unwrap_err();
    assert!(matches!(error, TestError::Endless { limit: 20, .. }), "{error}");
    Ok(())
}
