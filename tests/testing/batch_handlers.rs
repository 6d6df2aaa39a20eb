//! Batch handlers in a drain, alone, and with injected faults.

use std::sync::{Arc, Mutex};

use pgjobs::testing::{Database, Fault, assert_published};
use pgjobs::{JobState, TaskError, task};

use crate::Outcome;

/// The values of each call.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Vec<i64>>>>);

impl Calls {
    fn seen(&self) -> Vec<Vec<i64>> {
        let mut calls = std::mem::take(&mut *self.0.lock().unwrap());
        calls.iter_mut().for_each(|call| call.sort_unstable());
        calls
    }
}

#[task(name = "many.half", batch = 10, linger = "200ms", backoff = "fixed(10m)")]
async fn half(#[inject] calls: &Calls, #[each] n: Vec<i64>) -> Vec<Result<i64, TaskError>> {
    calls.0.lock().unwrap().push(n.clone());
    let end = |n| if n % 2 == 0 { Ok(n / 2) } else { Err(TaskError::new("odd")) };
    n.into_iter().map(end).collect()
}

#[pgjobs::test]
async fn a_drain_calls_a_batch_handler_for_many(db: Database) -> Outcome {
    let calls = Calls::default();
    let jobs = pgjobs::publish_all(db.pool(), (0..8).map(half::new)).await?;
    assert_published!(db, count = 1, half { n: 7 });
    let report = db.drain().topic("many.*").state(calls.clone()).await?;
    assert_eq!((report.succeeded, report.retried), (4, 4));
    assert_eq!(calls.seen(), [[0, 1, 2, 3, 4, 5, 6, 7]]);
    assert_eq!(jobs[6].wait(db.pool()).await?, 3);
    let report = db.drain().topic("many.*").state(calls.clone()).including_scheduled().await?;
    assert_eq!((report.retried, report.failed), (4, 4), "two runs more, each alone");
    assert!(calls.seen().iter().all(|call| call.len() == 1));
    Ok(())
}

#[pgjobs::test]
async fn run_now_calls_a_batch_handler_for_one(db: Database) -> Outcome {
    let calls = Calls::default();
    let jobs = pgjobs::publish_all(db.pool(), [4, 6, 8].map(half::new)).await?;
    assert_eq!(db.run_now(&jobs[1]).state(calls.clone()).await?, 3);
    assert_eq!(calls.seen(), [[6]]);
    assert_eq!(jobs[0].fetch(db.pool()).await?.state, JobState::Pending);
    Ok(())
}

#[pgjobs::test]
async fn a_fault_meets_one_job_of_a_call(db: Database) -> Outcome {
    let calls = Calls::default();
    pgjobs::publish_all(db.pool(), [2, 4, 6].map(half::new)).await?;
    db.inject::<half>(Fault::Error("smtp is down".to_owned()), 1);
    let report = db.drain().topic("many.*").state(calls.clone()).await?;
    assert_eq!((report.succeeded, report.retried), (2, 1));
    assert_eq!(calls.seen().concat().len(), 2);
    Ok(())
}
