//! Commands to a worker of several servers, given at one of them.

use std::time::Duration;

use pgjobs::Worker;
use pgjobs::control::{self, Command, CommandState, To};
use pgjobs_tests::{Db, until};

use crate::tasks::{Busy, databases, wait};

fn worker([a, b]: &[Db; 2], busy: &Busy) -> Worker {
    Worker::new(a.pool.clone()).server("b", b.pool.clone()).topic("busy.*").state(busy.clone())
}

/// Gives a command at one server, and waits until it has been carried out.
async fn tell(db: &Db, command: Command) {
    let sent = control::send(&db.pool, &To::all(), &command).await.unwrap();
    let receipts = control::wait(&db.pool, &sent, Duration::from_secs(120)).await.unwrap();
    assert!(receipts.iter().all(|receipt| receipt.state == CommandState::Applied), "{receipts:?}");
}

async fn is_paused(db: &Db) -> bool {
    db.one("select bool_and(w.paused_at is not null) from jobs.workers() w").await
}

#[tokio::test]
async fn a_pause_of_one_server_does_not_take_back_a_drain_of_the_worker() {
    let (dbs, busy) = (databases::<2>().await, Busy::new());
    let running = worker(&dbs, &busy).start().await.unwrap();
    wait::publish(&dbs[1].pool, 1).await.unwrap();
    until("it runs", async || busy.now() == 1).await;
    tell(&dbs[0], Command::Drain).await;
    tell(&dbs[1], Command::Pause).await;
    busy.door.add_permits(1);
    assert_eq!(running.wait().await.succeeded, 1, "it ends with its last run");
}

#[tokio::test]
async fn a_drain_that_is_taken_back_leaves_a_pause_of_another_server() {
    let (dbs, busy) = (databases::<2>().await, Busy::new());
    let running = worker(&dbs, &busy).start().await.unwrap();
    wait::publish(&dbs[0].pool, 1).await.unwrap();
    until("it runs", async || busy.now() == 1).await;
    tell(&dbs[1], Command::Pause).await;
    tell(&dbs[0], Command::Drain).await;
    until("all are shown as paused", async || is_paused(&dbs[0]).await && is_paused(&dbs[1]).await).await;
    tell(&dbs[0], Command::Resume).await;
    until("it works there", async || !is_paused(&dbs[0]).await).await;
    assert!(is_paused(&dbs[1]).await, "whoever paused it resumes it");
    busy.door.add_permits(1);
    running.shutdown().await;
}
