//! The clock moves everything.

use std::time::Duration;

use pgjobs::testing::Database;
use pgjobs::{JobState, Worker, chrono, inspect, sqlx};
use pgjobs_tests::until;

use crate::Outcome;
use crate::tasks::{echo, slow};

const HOUR: Duration = Duration::from_secs(3600);

#[pgjobs::test]
async fn the_clock_runs_and_moves(db: Database) -> Outcome {
    let first = db.clock().now().await?;
    assert!((first - chrono::Utc::now()).num_seconds().abs() < 60);
    db.clock().advance(HOUR).await?;
    let second = db.clock().now().await?;
    assert!(second >= first + HOUR && second < first + 2 * HOUR);
    assert!(db.clock().now().await? > second);
    db.clock().stop().await?;
    let stopped = db.clock().now().await?;
    assert_eq!(db.clock().now().await?, stopped);
    db.clock().advance(HOUR).await?;
    assert_eq!(db.clock().now().await?, stopped + HOUR);
    Ok(())
}

#[pgjobs::test]
async fn a_time_is_reached_exactly_or_was_before(db: Database) -> Outcome {
    let day = "2031-03-30T00:59:59.999999Z".parse()?;
    db.clock().stop().await?;
    db.clock().advance_to(day).await?;
    let reached = db.clock().now().await?;
    assert!(reached >= day && (reached - day).num_milliseconds() < 1, "{reached}");
    db.clock().advance_to("2030-01-01T00:00:00Z".parse()?).await?;
    assert_eq!(db.clock().now().await?, reached);
    Ok(())
}

#[pgjobs::test]
async fn a_time_that_nothing_can_represent_is_refused(db: Database) -> Outcome {
    let before = db.clock().now().await?;
    for far in [Duration::MAX, 24 * HOUR * 365 * 8010] {
        let error = db.clock().advance(far).await.unwrap_err();
        assert!(error.to_string().ends_with("its last time is the end of the year 9999"), "{error}");
    }
    assert!(db.clock().advance_to(chrono::DateTime::<chrono::Utc>::MAX_UTC).await.is_err());
    assert!(db.clock().now().await? < before + HOUR);
    db.clock().advance_to("9999-12-30T00:00:00Z".parse()?).await?;
    echo::publish(db.pool(), 1).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 1);
    Ok(())
}

#[pgjobs::test]
async fn scheduled_jobs_come_due(db: Database) -> Outcome {
    // As a program says it, by the clock of the machine.
    echo::publish(db.pool(), 1).scheduled_at(chrono::Utc::now() + HOUR).await?;
    echo::publish(db.pool(), 2).delay(HOUR).await?;
    db.clock().advance(HOUR - Duration::from_secs(600)).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 0);
    db.clock().advance(Duration::from_secs(600)).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 2);
    Ok(())
}

#[pgjobs::test]
async fn a_worker_lives_through_a_jump(db: Database) -> Outcome {
    let worker =
        Worker::new(db.pool().clone()).topic("slow.*").poll(Duration::from_millis(10)).start().await?;
    let job = slow::publish(db.pool()).await?;
    until("it runs", async || job.fetch(db.pool()).await.is_ok_and(|job| job.state == JobState::Running))
        .await;
    let before = inspect::workers(db.pool()).await?[0].id;

    db.clock().advance(24 * HOUR).await?;
    // What another worker would do at once: it finds nobody dead and nothing expired.
    sqlx::query("select jobs.maintain()").execute(db.pool()).await?;
    let row = job.fetch(db.pool()).await?;
    assert_eq!((row.state, row.attempt), (JobState::Running, 1));
    assert_eq!(inspect::workers(db.pool()).await?[0].id, before);

    slow::finish(); // and its outcome is accepted
    job.wait(db.pool()).await?;
    let report = worker.shutdown().await;
    assert_eq!((report.succeeded, report.lost), (1, 0));
    Ok(())
}

#[pgjobs::test]
async fn the_lease_of_a_plain_client_runs_out(db: Database) -> Outcome {
    let job = echo::publish(db.pool(), 1).timeout(HOUR).await?;
    sqlx::query("select jobs.consume('plain.echo', 1)").execute(db.pool()).await?;
    db.clock().advance(2 * HOUR).await?;
    db.drain().topic("plain.*").including_scheduled().await?.no_failures()?;
    assert_eq!((job.wait(db.pool()).await?, job.fetch(db.pool()).await?.attempt), (1, 2));
    Ok(())
}

#[pgjobs::test]
async fn history_is_dropped_when_its_time_is_over(db: Database) -> Outcome {
    let job = echo::publish(db.pool(), 1).await?;
    db.drain().topic("plain.*").await?.no_failures()?;
    // A clock that jumps by weeks may be wrong, and retention believes it an hour later.
    for jump in [24 * HOUR * 20, 2 * HOUR] {
        db.clock().advance(jump).await?;
        sqlx::query("call jobs.maintain_partitions_and_commit()").execute(db.pool()).await?;
    }
    let error = job.fetch(db.pool()).await.unwrap_err();
    assert!(matches!(error, pgjobs::Error::UnknownJob(_)), "{error}");
    Ok(())
}
