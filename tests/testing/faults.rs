//! Failures on demand.

use std::time::Duration;

use pgjobs::sqlx::{self, PgPool};
use pgjobs::testing::{Database, Fault, TestError};
use pgjobs::{End, JobState, inspect};

use crate::Outcome;
use crate::tasks::{echo, pay, pay_carelessly};

async fn create_entries(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("create table entry (id bigserial primary key, cents bigint not null)").execute(pool).await?;
    Ok(())
}

async fn entries(db: &Database) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from entry").fetch_one(db.pool()).await
}

#[pgjobs::test]
async fn the_next_runs_fail_and_are_retried(db: Database) -> Outcome {
    let job = echo::publish(db.pool(), 1).await?;
    db.fail_next::<echo>(2);
    let report = db.drain().topic("plain.*").including_scheduled().await?;
    assert_eq!((report.retried, report.succeeded), (2, 1));
    assert_eq!(job.fetch(db.pool()).await?.retries, 2);
    Ok(())
}

#[pgjobs::test]
async fn a_fault_meets_its_task_alone(db: Database) -> Outcome {
    echo::publish(db.pool(), 1).await?;
    db.fail_next::<pay>(1);
    assert_eq!(db.drain().topic("plain.*").await?.succeeded, 1);
    Ok(())
}

#[pgjobs::test]
async fn panics_and_timeouts_come_at_once(db: Database) -> Outcome {
    for fault in [Fault::Panic, Fault::Timeout, Fault::Error("smtp is down".to_owned())] {
        let job = echo::publish(db.pool(), 1).await?;
        db.inject::<echo>(fault.clone(), 1);
        let error = db.run_now(&job).await.unwrap_err();
        let TestError::Run(error) = error else { return Err(error.into()) };
        assert_eq!((error.is_panic(), error.is_timeout()), (fault == Fault::Panic, fault == Fault::Timeout));
        assert_eq!(job.fetch(db.pool()).await?.traceback.as_deref(), Some(error.message()));
    }
    Ok(())
}

#[pgjobs::test(setup = create_entries)]
async fn a_worker_dies_and_another_runs_its_job(db: Database) -> Outcome {
    let job = pay_carelessly::publish(db.pool(), 500).await?;
    db.inject::<pay_carelessly>(Fault::DieBefore, 1);
    let report = db.drain().topic("account.*").await?;
    assert_eq!((report.succeeded, report.released, report.end), (0, 0, End::Broken));
    assert_eq!(job.fetch(db.pool()).await?.state, JobState::Running, "as far as the database knows");
    assert_eq!((entries(&db).await?, inspect::workers(db.pool()).await?.len()), (0, 1));

    assert_eq!(db.drain().topic("account.*").await?.succeeded, 0, "its lease is not over");
    db.clock().advance(Duration::from_secs(60)).await?;
    assert_eq!(db.drain().topic("account.*").await?.succeeded, 1);
    let row = job.fetch(db.pool()).await?;
    assert_eq!((row.attempt, row.retries, entries(&db).await?), (2, 1, 1));
    Ok(())
}

#[pgjobs::test(setup = create_entries)]
async fn who_pays_carelessly_pays_twice(db: Database) -> Outcome {
    pay_carelessly::publish(db.pool(), 500).await?;
    db.inject::<pay_carelessly>(Fault::DieAfter, 1);
    db.drain().topic("account.*").await?.no_failures()?;
    db.clock().advance(Duration::from_secs(60)).await?;
    assert_eq!(db.drain().topic("account.*").await?.succeeded, 1);
    assert_eq!(entries(&db).await?, 2);
    Ok(())
}

#[pgjobs::test(setup = create_entries)]
async fn who_finishes_in_the_transaction_pays_once(db: Database) -> Outcome {
    let job = pay::publish(db.pool(), 500).await?;
    db.inject::<pay>(Fault::DieAfter, 1);
    db.drain().topic("account.*").await?.no_failures()?;
    db.clock().advance(Duration::from_secs(60)).await?;
    assert_eq!(db.drain().topic("account.*").await?.succeeded, 0);
    assert_eq!((job.fetch(db.pool()).await?.state, entries(&db).await?), (JobState::Success, 1));
    Ok(())
}

#[pgjobs::test]
async fn a_job_that_runs_now_may_lose_its_worker(db: Database) -> Outcome {
    let job = echo::publish(db.pool(), 1).await?;
    db.inject::<echo>(Fault::DieAfter, 1);
    let error = db.run_now(&job).await.unwrap_err();
    assert!(matches!(error, TestError::Died), "{error}");
    let error = db.run_now(&job).await.unwrap_err();
    assert!(matches!(error, TestError::NotPending { state: JobState::Running, .. }), "{error}");
    db.clock().advance(Duration::from_secs(60)).await?;
    db.drain().topic("plain.*").await?.no_failures()?;
    assert_eq!(job.wait(db.pool()).await?, 1);
    Ok(())
}
