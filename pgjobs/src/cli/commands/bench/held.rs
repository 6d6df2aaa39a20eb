//! `held-snapshot`: what a long-open transaction in another session costs.
//!
//! VACUUM cannot remove a row version that ended after the snapshot of that transaction. A queue that scans
//! dead rows therefore becomes slower by the minute.

use std::time::Instant;

use sqlx::{Connection, PgConnection, PgPool};

use super::bench_worker::BenchWorker;
use super::figures::{Rate, Thirds};
use super::flow::{self, Flow};
use super::report::Outcome;
use super::stage::Stage;
use crate::cli::output::failure::Failure;

const FLOW: Flow = Flow { bulk: 2000, backlog: 6000 };

pub(crate) async fn run(stage: &Stage<'_>) -> Result<Outcome, Failure> {
    let without = flowing(stage, &stage.empty().await?, "a steady flow").await?;
    let pool = stage.empty().await?;
    let session = hold(&pool).await?;
    let held = flowing(stage, &pool, "the same beside a held snapshot").await?;
    release(session).await?;
    let last_third_ratio = held.last.jobs_per_second / without.last.jobs_per_second.max(f64::EPSILON);
    Ok(Outcome::HeldSnapshot { without, held, last_third_ratio })
}

async fn flowing(stage: &Stage<'_>, pool: &PgPool, what: &str) -> Result<Thirds, Failure> {
    let worker = BenchWorker::start(pool.clone(), stage.plan.concurrency).await?;
    let begun = Instant::now();
    let until = begun + stage.seconds();
    let (thirds, published, ()) = tokio::join!(
        thirds(stage, &worker, begun),
        FLOW.produce(&worker, until),
        flow::watch(stage, what, until)
    );
    let published = published?;
    worker.emptied(published, &stage.bar("waiting for the last jobs", published)).await?;
    worker.dismiss(published).await?;
    Ok(thirds)
}

/// The rate of succeeded jobs in each third of the planned time.
async fn thirds(stage: &Stage<'_>, worker: &BenchWorker, begun: Instant) -> Thirds {
    let third = stage.seconds() / 3;
    let mut readings = [(worker.succeeded(), begun); 4];
    for part in 1..=3_u32 {
        tokio::time::sleep_until((begun + third * part).into()).await;
        readings[part as usize] = (worker.succeeded(), Instant::now());
    }
    let rate = |from: usize| {
        Rate::new(readings[from + 1].0 - readings[from].0, readings[from + 1].1 - readings[from].1)
    };
    Thirds::of([rate(0), rate(1), rate(2)])
}

/// Opens a session whose transaction keeps its snapshot.
async fn hold(pool: &PgPool) -> Result<PgConnection, Failure> {
    // Detached from the pool, because the pool is closed while this session is still open.
    let mut session = pool.acquire().await?.detach();
    // Otherwise the server's limit on idle transactions might end this one during the measurement.
    sqlx::raw_sql("set idle_in_transaction_session_timeout = 0").execute(&mut session).await?;
    let look = "begin isolation level repeatable read; select txid_current_snapshot()";
    sqlx::raw_sql(look).execute(&mut session).await?;
    Ok(session)
}

/// Ends the session; fails if the server ended it before, because then it held no snapshot.
async fn release(mut session: PgConnection) -> Result<(), Failure> {
    sqlx::raw_sql("rollback").execute(&mut session).await?;
    Ok(session.close().await?)
}
