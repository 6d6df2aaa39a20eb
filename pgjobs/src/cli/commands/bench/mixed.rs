//! `mixed`: single and bulk publishes, failures and sleeping jobs, all at the same time.

use std::cell::Cell;
use std::time::Instant;

use super::bench_worker::BenchWorker;
use super::figures::{Pickup, Rate};
use super::flow::{self, Flow};
use super::report::{Mixed, Outcome};
use super::stage::Stage;
use super::tasks::{Errand, Manner};
use crate::Task;
use crate::cli::output::failure::Failure;

/// This backlog makes a single job wait for some hundredths of a second.
const FLOW: Flow = Flow { bulk: 500, backlog: 1000 };

pub(crate) async fn run(stage: &Stage<'_>) -> Result<Outcome, Failure> {
    let mut worker = BenchWorker::start(stage.empty().await?, stage.plan.concurrency).await?;
    let published = Published::default();
    let rate = measure(stage, &worker, &published).await?;
    let jobs = published.singly.get() + published.in_bulk.get();
    worker.emptied(jobs, &stage.bar("waiting for the last jobs", jobs)).await?;
    let pick_up = Pickup::of(worker.pick_ups())?;
    let report = worker.dismiss(jobs).await?;
    Ok(Outcome::Mixed(Mixed {
        rate,
        published_one_by_one: published.singly.get(),
        published_in_bulk: published.in_bulk.get(),
        succeeded: report.succeeded,
        retried: report.retried,
        pick_up,
    }))
}

/// The number of jobs that each publisher has published so far.
#[derive(Default)]
struct Published {
    singly: Cell<u64>,
    in_bulk: Cell<u64>,
}

/// Runs both publishers for the planned time; jobs that end later do not count.
async fn measure(stage: &Stage<'_>, worker: &BenchWorker, published: &Published) -> Result<Rate, Failure> {
    let (begun, before) = (Instant::now(), worker.succeeded());
    let until = begun + stage.seconds();
    let watch = async {
        flow::watch(stage, "working and publishing", until).await;
        Ok(Rate::new(worker.succeeded() - before, begun.elapsed()))
    };
    let (rate, (), ()) =
        tokio::try_join!(watch, singly(worker, published, until), in_bulk(worker, published, until))?;
    Ok(rate)
}

async fn singly(worker: &BenchWorker, published: &Published, until: Instant) -> Result<(), Failure> {
    let mut connection = worker.pool.acquire().await?;
    while Instant::now() < until {
        let number = published.singly.get();
        Errand::timed(Manner::of(number), worker.epoch).publish(&mut connection).await?;
        published.singly.set(number + 1);
    }
    Ok(())
}

async fn in_bulk(worker: &BenchWorker, published: &Published, until: Instant) -> Result<(), Failure> {
    let mut connection = worker.pool.acquire().await?;
    while Instant::now() < until {
        let number = published.in_bulk.get();
        if FLOW.is_full(number + published.singly.get(), worker) {
            tokio::time::sleep(flow::GLANCE).await;
            continue;
        }
        let errands = (number..number + FLOW.bulk).map(|number| Errand::new(Manner::of(number)));
        crate::publish_all(&mut connection, errands).await?;
        published.in_bulk.set(number + FLOW.bulk);
    }
    Ok(())
}
