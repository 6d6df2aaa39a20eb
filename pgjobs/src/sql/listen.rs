//! Notifications: the channels, and telling the other side that somebody listens.

use std::time::Duration;

use sqlx::PgPool;

use crate::error::Error;

/// Jobs may be ready.
pub(crate) const READY: &str = "jobs_ready";
/// Jobs have ended.
pub(crate) const ENDED: &str = "jobs_ended";

/// Asks those who end jobs to say so on [`ENDED`] for this long.
pub(crate) async fn await_results(pool: &PgPool, ahead: Duration) -> Result<(), Error> {
    sqlx::query("select jobs.await_results($1)").bind(ahead.as_secs_f64()).execute(pool).await?;
    Ok(())
}
