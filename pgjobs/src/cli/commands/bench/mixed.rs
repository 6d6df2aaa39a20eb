//! `mixed`: single and bulk publishes, failures and sleeping jobs, all at the same time.

use std::cell::Cell;
use std::time::Instant;

use super::crew::Crew;
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
    let mut crew = Crew::start(stage.empty().await?, stage.plan.concurrency).await?;
    let published = Published::default();
    let rate = measure(stage, &crew, &published).await?;
    let jobs = published.singly.get() + published.in_bulk.get();
    crew.emptied(jobs, &stage.bar("waiting for the last jobs", jobs)).await?;
    let pick_up = Pickup::of(crew.pick_ups())?;
    let report = crew.dismiss(jobs).await?;
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
async fn measure(stage: &Stage<'_>, crew: &Crew, published: &Published) -> Result<Rate, Failure> {
    let (begun, before) = (Instant::now(), crew.succeeded());
    let until = begun + stage.seconds();
    let watch = async {
        flow::watch(stage, "working and publishing", until).await;
        Ok(Rate::new(crew.succeeded() - before, begun.elapsed()))
    };
    let (rate, (), ()) =
        tokio::try_join!(watch, singly(crew, published, until), in_bulk(crew, published, until))?;
    Ok(rate)
}

async fn singly(crew: &Crew, published: &Published, until: Instant) -> Result<(), Failure> {
    let mut connection = crew.pool.acquire().await?;
    while Instant::now() < until {
        let number = published.singly.get();
        Errand::timed(Manner::of(number), crew.epoch).publish(&mut connection).await?;
        published.singly.set(number + 1);
    }
    Ok(())
}

async fn in_bulk(crew: &Crew, published: &Published, until: Instant) -> Result<(), Failure> {
    let mut connection = crew.pool.acquire().await?;
    while Instant::now() < until {
        let number = published.in_bulk.get();
        if FLOW.is_full(number + published.singly.get(), crew) {
            tokio::time::sleep(flow::GLANCE).await;
            continue;
        }
        let errands = (number..number + FLOW.bulk).map(|number| Errand::new(Manner::of(number)));
        crate::publish_all(&mut connection, errands).await?;
        published.in_bulk.set(number + FLOW.bulk);
    }
    Ok(())
}
