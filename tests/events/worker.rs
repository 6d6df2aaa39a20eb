//! A real worker: it announces what it writes, and what its tasks say is heard.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use pgjobs::events::{EventKind, Update};
use pgjobs::{Job, TaskError, Worker, task};
use pgjobs_tests::{Db, Lateness};

use crate::{position, watched};

/// Says how far it is, as an export does.
#[task(name = "events.export", events = true)]
async fn export(#[inject] job: &Job, steps: u32) -> Result<u32, TaskError> {
    for step in 1..=steps {
        job.progress(step, steps, None);
        tokio::time::sleep(Duration::from_millis(700)).await; // what it says is sent at most twice a second
    }
    Ok(steps)
}

#[task(name = "events.quick")]
async fn quick(_n: u32) -> Result<(), TaskError> {
    Ok(())
}

#[tokio::test]
async fn an_export_is_followed_from_its_publisher_to_its_end() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("events.*").start().await.unwrap();
    let mut stream = pgjobs::events(&db.pool).after(position(&db).await).stream();
    let job = export::publish(&db.pool, 2).meta("tenant", 7).await.unwrap();
    let mut kinds = Vec::new();
    while !kinds.last().is_some_and(|kind: &EventKind| kind.is_end()) {
        let Update::Event(event) = stream.next().await.unwrap().unwrap() else { panic!("an event") };
        assert_eq!((&event.job_id, event.meta("tenant")), (job.id(), Some(7.into())));
        if event.kind == EventKind::Progress {
            assert_eq!(event.total, Some(2.0));
        }
        kinds.push(event.kind);
    }
    use EventKind::{Completed, Picked, Progress, Queued};
    kinds.dedup();
    assert_eq!(kinds, [Queued, Picked, Progress, Completed]);
    worker.shutdown().await;
}

#[tokio::test]
async fn a_worker_announces_its_events_so_that_they_are_heard_at_once() {
    let (db, lateness) = (watched().await, Lateness::watch());
    let worker = Worker::new(db.pool.clone()).topic("events.*").start().await.unwrap();
    let mut stream =
        pgjobs::events(&db.pool).kinds([EventKind::Completed]).after(position(&db).await).stream();
    quick::publish(&db.pool, 0).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok()); // from here on it has asked for notifications
    let mut waits = Vec::new();
    for n in 0..20 {
        let published = Instant::now();
        quick::publish(&db.pool, n).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        waits.push(published.elapsed());
    }
    waits.sort();
    // A subscriber that only looked each second would hear of half of them after half a second.
    assert!(waits[10] < lateness.allow(Duration::from_millis(300)), "{waits:?}");
    worker.shutdown().await;
}
