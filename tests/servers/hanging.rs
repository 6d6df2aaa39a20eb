//! A server that hangs: its connections stay open, and nothing arrives.

use std::time::Duration;

use pgjobs::{Worker, WorkerHandle};
use pgjobs_tests::{Db, Lateness, Proxy, until};
use sqlx::PgPool;

use crate::tasks::{databases, last_run};

/// A worker of two servers, the second behind a proxy, that works at the second.
async fn busy_at_the_second() -> ([Db; 2], Proxy, WorkerHandle) {
    let [a, b] = databases().await;
    let proxy = Proxy::before(&b);
    let through = PgPool::connect_lazy_with(proxy.options(&b));
    pgjobs::publish_all(&b.pool, (0..30_000).map(|_| last_run::new(2))).await.unwrap();
    let worker = Worker::new(a.pool.clone()).server("b", through).topic("last.*");
    let running = worker.lease(Duration::from_secs(3)).start().await.unwrap();
    until("it works there", async || done(&running) > 500).await;
    ([a, b], proxy, running)
}

/// The jobs that the second server has seen to their end.
fn done(running: &WorkerHandle) -> u64 {
    running.server_reports()[1].1.succeeded
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_wait_for_a_server_that_hangs_leave_their_slots_to_others() {
    let ([a, b], proxy, running) = busy_at_the_second().await;
    let lateness = Lateness::watch();
    proxy.set_stalled(true);
    for _ in 0..50 {
        let job = last_run::publish(&a.pool, 2).await.unwrap();
        job.wait_for(&a.pool, lateness.allow(Duration::from_secs(60))).await.unwrap();
    }
    let before = done(&running);
    proxy.set_stalled(false);
    until("it works there again", async || done(&running) > before + 500).await;
    assert!(running.health().servers().iter().all(|(_, state)| state.is_ok()), "it is away no more");
    let twice = "select count(*) from jobs.job where status = 'success' and retries > 0";
    assert_eq!(b.one::<i64>(twice).await, 0);
    running.shutdown().await;
}
