//! A worker runs one job.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use pgjobs::testing::{Database, TestError};
use pgjobs::{JobHandle, JobState, Task, sqlx};

use crate::Outcome;
use crate::tasks::{Mailer, Tries, cancel, countdown, echo, latest, meet, third, welcome};

/// Far more than any of these runs takes.
const NEVER: Duration = Duration::from_secs(20);
const DAY: Duration = Duration::from_secs(86_400);

#[pgjobs::test]
async fn a_job_runs_now_and_no_other(db: Database) -> Outcome {
    let first = echo::publish(db.pool(), 1).priority(50).await?;
    let later = echo::new(2).publish(db.pool()).delay(DAY).await?;
    assert_eq!(db.run_now(&later).await?, 2);
    assert_eq!(later.fetch(db.pool()).await?.state, JobState::Success);
    let first = first.fetch(db.pool()).await?;
    assert_eq!((first.state, first.attempt), (JobState::Pending, 0));
    Ok(())
}

#[pgjobs::test]
async fn one_of_many_that_were_published_together_runs(db: Database) -> Outcome {
    let jobs = pgjobs::publish_all(db.pool(), (0..200).map(echo::new)).await?;
    assert_eq!(db.run_now(&jobs[130]).await?, 130);
    let report = db.drain().topic("plain.*").await?;
    assert_eq!(report.succeeded, 199);
    Ok(())
}

#[pgjobs::test]
async fn what_the_job_publishes_stays_pending(db: Database) -> Outcome {
    let job = countdown::publish(db.pool(), 1).await?;
    db.run_now(&job).await?;
    let left = db.published::<countdown>().await?;
    assert_eq!((left[1].call.from, left[1].state), (0, JobState::Pending));
    Ok(())
}

#[pgjobs::test]
async fn the_error_of_the_run_is_returned_and_has_its_consequences(db: Database) -> Outcome {
    let job = third::publish(db.pool()).await?;
    let error = db.run_now(&job).state(Arc::new(Tries(AtomicU32::new(0)))).await.unwrap_err();
    assert_eq!(error.to_string(), "the run did not succeed: not yet");
    let row = job.fetch(db.pool()).await?;
    assert_eq!((row.state, row.attempt, row.retries), (JobState::Pending, 1, 1));
    assert_eq!(row.traceback.as_deref(), Some("not yet"));

    let job = echo::publish(db.pool(), -1).await?;
    let error = db.run_now(&job).await.unwrap_err();
    assert!(matches!(&error, TestError::Run(error) if error.is_fatal()), "{error}");
    let error = db.run_now(&job).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("job {} cannot be run now: it is failed, and only a pending job can", job.id())
    );
    Ok(())
}

#[pgjobs::test]
async fn a_job_that_is_known_by_its_id_runs(db: Database) -> Outcome {
    let id = welcome::publish(db.pool(), 4, "ada".to_owned()).await?.id().clone();
    let job: JobHandle<pgjobs::serde_json::Value> = JobHandle::new(id);
    assert_eq!(db.run_now(&job).state(Mailer::default()).await?, "ada");
    Ok(())
}

#[pgjobs::test]
async fn its_task_may_change_the_other_jobs_of_the_task(db: Database) -> Outcome {
    let other = latest::publish(db.pool(), 2).await?;
    let job = latest::new(1).then(2).publish(db.pool()).await?;
    tokio::time::timeout(NEVER, db.run_now(&job)).await??;
    let numbers: Vec<i64> = db.published::<latest>().await?.iter().map(|job| job.call.number).collect();
    assert_eq!((numbers, other.fetch(db.pool()).await?.state), (vec![2, 1], JobState::Pending));

    let victim = cancel::publish(db.pool(), String::new()).await?;
    let job = cancel::publish(db.pool(), victim.id().to_string()).await?;
    assert!(tokio::time::timeout(NEVER, db.run_now(&job)).await??);
    assert_eq!(victim.fetch(db.pool()).await?.state, JobState::Cancelled);
    Ok(())
}

#[pgjobs::test]
async fn a_job_that_could_not_run_is_scheduled_as_it_was(db: Database) -> Outcome {
    let job = welcome::publish(db.pool(), 1, String::new()).delay(DAY).await?;
    let error = db.run_now(&job).await.unwrap_err().to_string();
    assert!(error.contains("Mailer`; add .state(…)"), "{error}");
    let drained = db.drain().topic("testing.*").state(Mailer::default()).await?;
    assert_eq!(drained.succeeded, 0, "{drained:?}");

    let job = echo::publish(db.pool(), 1).delay(DAY).await?;
    sqlx::query("select jobs.pause_topic('plain.*')").execute(db.pool()).await?;
    let error = db.run_now(&job).await.unwrap_err().to_string();
    assert!(error.contains("cannot be run now: the topic 'plain.*' is paused since"), "{error}");
    sqlx::query("select jobs.resume_topic('plain.*')").execute(db.pool()).await?;
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 0);
    assert_eq!(db.run_now(&job).await?, 1);
    Ok(())
}

#[pgjobs::test]
async fn what_keeps_a_job_from_running_is_named(db: Database) -> Outcome {
    let mut tx = db.pool().begin().await?;
    let unseen = echo::publish(&mut *tx, 1).await?;
    let error = db.run_now(&unseen).await.unwrap_err().to_string();
    assert!(error.contains("there is no such job in the database; if a transaction published it"), "{error}");
    tx.commit().await?;

    for job in [unseen, echo::publish(db.pool(), 2).delay(DAY).await?] {
        let mut tx = db.pool().begin().await?;
        sqlx::query("select from jobs.pending where job_id = $1 for update")
            .bind(job.id().as_str())
            .execute(&mut *tx)
            .await?;
        let error = tokio::time::timeout(NEVER, db.run_now(&job)).await?.unwrap_err().to_string();
        assert!(error.contains("cannot be run now: an open transaction of the server process"), "{error}");
        tx.rollback().await?;
        db.run_now(&job).await?;
    }
    Ok(())
}

#[pgjobs::test]
async fn two_jobs_of_a_task_run_at_the_same_time(db: Database) -> Outcome {
    let jobs = [meet::publish(db.pool()).await?, meet::publish(db.pool()).await?];
    let both = async { tokio::try_join!(db.run_now(&jobs[0]), db.run_now(&jobs[1])) };
    tokio::time::timeout(NEVER, both).await??; // each waits for the other
    Ok(())
}
