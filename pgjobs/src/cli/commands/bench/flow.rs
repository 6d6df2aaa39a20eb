//! A steady flow: a producer keeps a backlog while a worker processes it.

use std::time::{Duration, Instant};

use super::bench_worker::BenchWorker;
use super::stage::Stage;
use super::tasks::Noop;
use crate::cli::output::failure::Failure;

pub(crate) const GLANCE: Duration = Duration::from_millis(3);
const TICK: Duration = Duration::from_millis(250);

/// How many jobs are published at a time, and how many may be left before the producer waits.
#[derive(Clone, Copy)]
pub(crate) struct Flow {
    pub(crate) bulk: u64,
    pub(crate) backlog: u64,
}

impl Flow {
    /// Whether the backlog is full, given the number of published jobs.
    pub(crate) fn is_full(self, published: u64, worker: &BenchWorker) -> bool {
        published >= worker.succeeded() + self.backlog
    }

    /// Publishes no-op jobs until then, and returns their number.
    pub(crate) async fn produce(self, worker: &BenchWorker, until: Instant) -> Result<u64, Failure> {
        let mut connection = worker.pool.acquire().await?;
        let mut published = 0;
        while Instant::now() < until {
            if self.is_full(published, worker) {
                tokio::time::sleep(GLANCE).await;
                continue;
            }
            crate::publish_all(&mut connection, (0..self.bulk).map(|_| Noop {})).await?;
            published += self.bulk;
        }
        Ok(published)
    }
}

/// Shows the elapsed seconds as progress.
pub(crate) async fn watch(stage: &Stage<'_>, what: &str, until: Instant) {
    let progress = stage.bar(what, stage.plan.seconds);
    let begun = Instant::now();
    while Instant::now() < until {
        tokio::time::sleep_until((Instant::now() + TICK).min(until).into()).await;
        progress.at(begun.elapsed().as_secs());
    }
}
