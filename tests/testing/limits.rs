//! Limits in tests: they hold, as in production.

use std::time::Duration;

use pgjobs::chrono::{TimeDelta, Utc};
use pgjobs::limits::{self, Limit};
use pgjobs::testing::Database;

use crate::Outcome;
use crate::tasks::echo;

#[pgjobs::test]
async fn a_drain_runs_jobs_one_at_a_time_and_waits_for_a_rate(db: Database) -> Outcome {
    Limit::new("one").topic("plain.*").key(["value"]).max(1).save(db.pool()).await?;
    Limit::new("all").topic("plain.*").rate("20/s").burst(1).save(db.pool()).await?;
    pgjobs::publish_all(db.pool(), [1, 1, 1, 2, 2].map(echo::new)).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 5);
    Ok(())
}

#[pgjobs::test]
async fn a_drain_leaves_a_closed_key_unless_the_clock_may_move(db: Database) -> Outcome {
    Limit::new("one").topic("plain.*").key(["value"]).max(1).save(db.pool()).await?;
    limits::block_key(db.pool(), "one", 1, Utc::now() + TimeDelta::hours(1), None).await?;
    pgjobs::publish_all(db.pool(), [1, 2].map(echo::new)).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 1);
    assert_eq!(db.drain().topic("plain.*").including_scheduled().await?.succeeded, 1);
    let moved = db.clock().now().await? - Utc::now();
    assert!(moved > TimeDelta::minutes(59), "{moved}");
    Ok(())
}

#[pgjobs::test]
async fn a_job_that_a_limit_keeps_back_is_not_run_and_the_limit_is_named(db: Database) -> Outcome {
    Limit::new("none").topic("plain.*").max(0).save(db.pool()).await?;
    let job = echo::publish(db.pool(), 7).await?;
    let error = db.run_now(&job).await.unwrap_err().to_string();
    assert!(error.contains("the limit 'none' has no free slot"), "{error}");
    Limit::new("none").max(1).save(db.pool()).await?;
    assert_eq!(db.run_now(&job).await?, 7);
    Ok(())
}

#[pgjobs::test]
async fn a_job_that_is_not_due_runs_under_its_limit_and_else_stays_as_it_was(db: Database) -> Outcome {
    use pgjobs::Task;
    Limit::new("one").topic("plain.*").key(["value"]).max(0).save(db.pool()).await?;
    let later = echo::new(7).publish(db.pool()).delay(Duration::from_secs(3600)).await?;
    db.run_now(&later).await.unwrap_err();
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 0);
    Limit::new("one").max(1).save(db.pool()).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 0, "it is not due");
    assert_eq!(db.run_now(&later).await?, 7);
    Ok(())
}
