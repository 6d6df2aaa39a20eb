//! The tasks of the workloads. None does any work: what is measured is what a job costs beside its own code.

use pgjobs::sqlx::PgPool;
use pgjobs::{Job, Steps, TaskError, task};

#[task(name = "load.plain")]
pub(crate) async fn plain(_n: i64, _customer: i64) {}

#[task(name = "load.no_history", keep = "none")]
pub(crate) async fn no_history(_n: i64) {}

#[task(name = "load.result")]
pub(crate) async fn result(n: i64) -> Result<Vec<i64>, TaskError> {
    Ok(vec![n; 8])
}

#[task(name = "load.batch", batch = 100)]
pub(crate) async fn batch(#[each] n: Vec<i64>) -> Result<(), TaskError> {
    let _ = n;
    Ok(())
}

#[task(name = "load.unique", unique(key = n))]
pub(crate) async fn unique(n: i64) {
    let _ = n;
}

#[task(name = "load.capped", limit(max = 1000))]
pub(crate) async fn capped(_n: i64) {}

#[task(name = "load.keyed", limit(key = customer, max = 2))]
pub(crate) async fn keyed(customer: i64) {
    let _ = customer;
}

/// Acknowledges in a transaction of its own, as a task does whose effect must happen once.
#[task(name = "load.own_transaction")]
pub(crate) async fn own_transaction(
    #[inject] pool: &PgPool,
    #[inject] job: &Job,
    n: i64,
) -> Result<i64, TaskError> {
    let mut tx = pool.begin().await?;
    job.finish(&mut tx, &n).await?;
    tx.commit().await?;
    Ok(n)
}

#[task(name = "load.step")]
pub(crate) async fn step(#[inject] steps: &Steps, n: i64) -> Result<(), TaskError> {
    steps.step("only", async || Ok::<_, TaskError>(n)).await?;
    Ok(())
}

#[task(name = "load.square")]
pub(crate) async fn square(n: i64) -> Result<i64, TaskError> {
    Ok(n * n)
}

#[task(name = "load.sum")]
pub(crate) async fn sum(squares: Vec<i64>) -> Result<i64, TaskError> {
    Ok(squares.iter().sum())
}
