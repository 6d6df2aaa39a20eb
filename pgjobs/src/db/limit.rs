//! SQL calls for limits.

mod row;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, Row};

use crate::types::error::Error;
use crate::types::topic::Topic;
use row::{blocked, key as key_row, limit, limits_from};

pub use row::{BlockedKeyRow, LimitKeyRow, LimitRow};

/// The value of a key as SQL takes it: one value, an array of several, or null for none.
pub(crate) fn key(key: impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(key).map_err(|error| Error::Encode(format!("the key is not JSON: {error}")))
}

/// SQL's null stands for no key.
fn text(key: &Value) -> Option<String> {
    (!key.is_null()).then(|| key.to_string())
}

pub(crate) async fn set(
    database: impl PgExecutor<'_>,
    name: &str,
    topic: Option<&str>,
    options: &Value,
) -> Result<(), Error> {
    let call = sqlx::query("select jobs.set_limit($1, $2, $3::jsonb)");
    call.bind(name).bind(topic).bind(options.to_string()).execute(database).await?;
    Ok(())
}

pub(crate) async fn remove(database: impl PgExecutor<'_>, name: &str) -> Result<bool, Error> {
    let found = sqlx::query("select jobs.drop_limit($1)").bind(name).fetch_one(database).await?;
    Ok(found.try_get(0)?)
}

pub(crate) async fn list(
    connection: &mut PgConnection,
    topic: Option<&Topic>,
) -> Result<Vec<LimitRow>, Error> {
    let all = sqlx::query(limits_from!("jobs.limits($1) l order by l.name"));
    let rows = all.bind(topic.map(Topic::as_str)).fetch_all(connection).await?;
    rows.iter().map(limit).collect()
}

pub(crate) async fn get(connection: &mut PgConnection, name: &str) -> Result<Option<LimitRow>, Error> {
    let one = sqlx::query(limits_from!("jobs.limits() l where l.name = $1"));
    let found = one.bind(name).fetch_optional(connection).await?;
    found.as_ref().map(limit).transpose()
}

pub(crate) async fn keys(
    connection: &mut PgConnection,
    name: &str,
    number: i32,
) -> Result<Vec<LimitKeyRow>, Error> {
    const KEYS: &str = "select k.key::text, k.held, k.blocked, k.closed_until, k.closed_by, k.reason, k.next_at \
         from jobs.limit_keys($1, $2) k";
    let rows = sqlx::query(KEYS).bind(name).bind(number).fetch_all(connection).await?;
    rows.iter().map(key_row).collect()
}

pub(crate) async fn blocked_keys(
    connection: &mut PgConnection,
    topic: Option<&Topic>,
    number: i32,
) -> Result<Vec<BlockedKeyRow>, Error> {
    const KEYS: &str = "select k.name, k.key::text, k.closed_by, k.reason, k.closed_until, k.blocked, k.oldest \
         from jobs.blocked_keys($1, $2) k";
    let query = sqlx::query(KEYS).bind(topic.map(Topic::as_str)).bind(number);
    query.fetch_all(connection).await?.iter().map(blocked).collect()
}

pub(crate) async fn block_key(
    database: impl PgExecutor<'_>,
    name: &str,
    key: &Value,
    until: DateTime<Utc>,
    reason: Option<&str>,
) -> Result<(), Error> {
    let call = sqlx::query("select jobs.block_key($1, $2::jsonb, $3, $4)");
    call.bind(name).bind(text(key)).bind(until).bind(reason).execute(database).await?;
    Ok(())
}

pub(crate) async fn release_key(
    database: impl PgExecutor<'_>,
    name: &str,
    key: &Value,
) -> Result<bool, Error> {
    let call = sqlx::query("select jobs.release_key($1, $2::jsonb)").bind(name).bind(text(key));
    Ok(call.fetch_one(database).await?.try_get(0)?)
}

/// The seconds to wait; 0: granted.
pub(crate) async fn acquire(
    database: impl PgExecutor<'_>,
    name: &str,
    key: &Value,
    cost: i32,
) -> Result<f64, Error> {
    let call = sqlx::query("select jobs.acquire($1, $2::jsonb, $3)").bind(name).bind(text(key)).bind(cost);
    Ok(call.fetch_one(database).await?.try_get(0)?)
}
