//! What the shop's owner reads.

use pgjobs::{Job, TaskError, task};
use sqlx::PgPool;

/// Says every Monday at eight how many customers the shop has; once, also after weeks without a worker.
#[task(cron = "0 8 * * mon", zone = "Europe/Berlin", catch_up = "last", overlap = "skip")]
pub async fn weekly(#[inject] pool: &PgPool, #[inject] job: &Job) -> Result<String, TaskError> {
    let tick = job.tick().ok_or_else(|| TaskError::fatal("nobody publishes it but its schedule"))?;
    let customers: i64 = sqlx::query_scalar("select count(*) from customer").fetch_one(pool).await?;
    Ok(format!("{}: {customers} customers", tick.at.format("%d.%m.")))
}
