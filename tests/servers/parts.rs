//! A server with a job now and then beside others with long queues: its part of the slots.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use pgjobs::{Worker, WorkerHandle};
use pgjobs_tests::{Db, Lateness, until};

use crate::tasks::{Busy, databases, sleep};

/// How long a run takes, in milliseconds.
const RUN: u64 = 20;

/// A worker of all of these, which works: all but the last have long queues.
async fn start(dbs: &[Db], slots: usize, busy: &Busy) -> WorkerHandle {
    for db in &dbs[..dbs.len() - 1] {
        pgjobs::publish_all(&db.pool, (0..10_000).map(|_| sleep::new(RUN))).await.unwrap();
    }
    let mut worker = Worker::new(dbs[0].pool.clone()).server_name("s0");
    for (n, db) in dbs.iter().enumerate().skip(1) {
        worker = worker.server(format!("s{n}"), db.pool.clone());
    }
    let running = worker.topic("busy.*").concurrency(slots).state(busy.clone()).start().await.unwrap();
    until("it works at all of the busy ones", async || {
        let reports = running.server_reports();
        reports[..dbs.len() - 1].iter().all(|(_, report)| report.succeeded >= 20)
    })
    .await;
    running
}

/// Ten jobs at the last one, three times, run soon; and the others use the slots as before.
async fn ten_jobs_run_soon(dbs: &[Db], slots: usize) {
    let (busy, lateness) = (Busy::new(), Lateness::watch());
    let running = start(dbs, slots, &busy).await;
    let quiet = &dbs[dbs.len() - 1].pool;
    for _ in 0..3 {
        let jobs = pgjobs::publish_all(quiet, (0..10).map(|_| sleep::new(RUN))).await.unwrap();
        for job in jobs {
            job.wait_for(quiet, lateness.allow(Duration::from_secs(2))).await.unwrap();
        }
    }
    let reports = running.server_reports();
    let succeeded: Vec<_> = reports.iter().map(|(_, report)| report.succeeded).collect();
    assert_eq!(succeeded[dbs.len() - 1], 30);
    assert_eq!(busy.most.load(SeqCst), slots, "no slot was left unused, and none used twice");
    let (fewest, most) = (succeeded.iter().rev().skip(1).min(), succeeded.iter().rev().skip(1).max());
    assert!(fewest.zip(most).is_some_and(|(fewest, most)| 2 * fewest >= *most), "{succeeded:?}");
    drop(running);
}

#[tokio::test]
async fn ten_jobs_run_soon_beside_two_servers_with_long_queues() {
    ten_jobs_run_soon(&databases::<3>().await, 6).await;
}

#[tokio::test]
async fn ten_jobs_run_soon_where_the_slots_cannot_be_divided() {
    ten_jobs_run_soon(&databases::<5>().await, 16).await;
    ten_jobs_run_soon(&databases::<3>().await, 4).await;
}

#[tokio::test]
async fn ten_jobs_run_soon_where_there_are_fewer_slots_than_servers() {
    ten_jobs_run_soon(&databases::<3>().await, 2).await;
    ten_jobs_run_soon(&databases::<2>().await, 1).await;
}
