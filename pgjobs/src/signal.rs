//! Signals, which jobs wait for.

use serde::Serialize;
use sqlx::PgExecutor;

use crate::db;
use crate::types::error::Error;

/// Sends a signal: jobs that wait for this name ([`Steps::wait_for`](crate::Steps::wait_for)), now or within
/// `jobs.config.signal_days` days (14), get the payload. The first one of a name holds; returns whether this
/// was it.
///
/// In a transaction of yours it is sent when that commits, and not if it is rolled back.
///
/// ```no_run
/// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let is_first = pgjobs::signal(&pool, "approve/4711", &"ada").await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Encode`] for a payload that is not JSON; [`Error::Refused`] with `PT400` for a name that is empty,
/// longer than 200 characters or holds control characters, with `PT413` for a payload above
/// `jobs.config.max_step_bytes`, with `PT403` where a restricted role may not publish under that name.
pub async fn signal(
    database: impl PgExecutor<'_>,
    name: &str,
    payload: &(impl Serialize + ?Sized),
) -> Result<bool, Error> {
    let payload = serde_json::to_value(payload).map_err(|e| Error::Encode(format!("the payload: {e}")))?;
    db::steps::signal(database, name, &payload).await
}
