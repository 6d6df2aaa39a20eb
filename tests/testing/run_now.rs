//! A worker runs one job.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use pgjobs::testing::{Database, TestError};
use pgjobs::{JobHandle, JobState, Task};

use crate::Outcome;
use crate::tasks::{Mailer, Tries, countdown, echo, third, welcome};

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
