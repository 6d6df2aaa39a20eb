//! The server as a whole: whether it is draining, how old what it shows is, and how it is.

use serde_json::value::RawValue;
use sqlx::PgPool;

use crate::db;
use crate::db::server_state::Draining;
use crate::db::standby::Standby;
use crate::types::error::Error;

/// Whether a server is draining, as [`admin::set_draining`](crate::admin::set_draining) said; `None`: it is
/// not. Publishers may ask, too.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// if let Some(draining) = pgjobs::inspect::draining(&pool).await? {
///     println!("since {} by {}: {:?}", draining.since, draining.actor, draining.note);
/// }
/// # Ok(()) }
/// ```
pub async fn draining(pool: &PgPool) -> Result<Option<Draining>, Error> {
    db::server_state::draining(&mut *pool.acquire().await?).await
}

/// How old is what the server of this pool shows, if it is a standby; `None` of a primary.
///
/// ```no_run
/// # async fn f(standby: &sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// if let Some(lag) = pgjobs::inspect::standby(standby).await? {
///     println!("{} s old, {} bytes to replay", lag.seconds, lag.bytes);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of the database; a schema of an older release has no such function.
pub async fn standby(pool: &PgPool) -> Result<Option<Standby>, Error> {
    db::standby::standby(&mut *pool.acquire().await?).await
}

/// How the database and its server are, as one JSON object: `version`, `started_at`, `standby`, `database`,
/// its `bytes`, `connections` of `max_connections`, `tables` with their bytes, rows and dead rows, and
/// `holders` of old snapshots, which keep dead rows from being removed.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{inspect, serde_json::{Value, from_str}};
///
/// let health: Value = from_str(inspect::server_health(&pool).await?.get()).unwrap_or_default();
/// println!("{} of {} connections are in use", health["connections"], health["max_connections"]);
/// # Ok(()) }
/// ```
pub async fn server_health(pool: &PgPool) -> Result<Box<RawValue>, Error> {
    db::statistics::server_health(&mut *pool.acquire().await?).await
}
