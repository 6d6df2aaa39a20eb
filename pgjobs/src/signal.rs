//! Signals, which jobs wait for.

use serde::Serialize;
use serde_json::value::to_raw_value;
use sqlx::PgExecutor;

use crate::db;
use crate::types::body::holds_nul;
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
/// [`Error::Encode`] for a payload that is not JSON, or holds a NUL character; [`Error::Refused`] with `PT400` for a name that is empty,
/// longer than 200 characters or holds control characters, with `PT413` for a payload above
/// `jobs.config.max_step_bytes`, with `PT403` where a restricted role may not publish under that name.
pub async fn signal(
    database: impl PgExecutor<'_>,
    name: &str,
    payload: &(impl Serialize + ?Sized),
) -> Result<bool, Error> {
    let payload = to_raw_value(payload).map_err(|e| Error::Encode(format!("the payload: {e}")))?;
    if holds_nul(payload.get()) {
        return Err(Error::Encode("the payload holds a NUL character, which jsonb cannot store".to_owned()));
    }
    db::steps::signal(database, name, &payload).await
}
