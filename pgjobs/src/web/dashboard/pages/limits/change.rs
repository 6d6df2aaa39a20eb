//! What is changed of limits and their keys.

use chrono::TimeDelta;
use serde_json::Value;

use crate::db::limit as db;
use crate::limits::Limit;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::url::encode;
use crate::web::dashboard::view::Done;

/// Makes or changes a limit. What is empty stays.
pub(in crate::web::dashboard) async fn set(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let name = name(fields)?;
    let mut limit = Limit::new(name);
    if let Some(topic) = fields.get("topic") {
        limit = limit.topic(topic);
    }
    if let Some(key) = fields.get("key") {
        limit = limit.key(parts(key));
    }
    if let Some(max) = fields.get("max") {
        limit =
            limit.max(max.trim().parse().map_err(|_| Failed::bad(format!("{max} is no number of jobs")))?);
    }
    limit = parts(fields.get("rates").unwrap_or_default()).fold(limit, Limit::rate);
    let mut tx = ask.write().await?;
    limit.save(&mut *tx).await?;
    tx.commit().await?;
    Ok(Done::Go(page(name)))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Drops a limit.
pub(in crate::web::dashboard) async fn drop(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::remove(&mut *tx, name(fields)?).await?;
    tx.commit().await?;
    Ok(Done::Go("/limits".to_owned()))
}

/// Closes a key for some minutes.
pub(in crate::web::dashboard) async fn block(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let minutes = fields.get("minutes").unwrap_or_default().trim();
    let minutes: u32 =
        minutes.parse().map_err(|_| Failed::bad(format!("{minutes} is no number of minutes")))?;
    let until = ask.now() + TimeDelta::minutes(i64::from(minutes));
    let mut tx = ask.write().await?;
    db::block_key(&mut *tx, name(fields)?, &key(fields), until, Some(&ask.reason(fields))).await?;
    tx.commit().await?;
    Ok(Done::Go(page(name(fields)?)))
}

/// Opens a key.
pub(in crate::web::dashboard) async fn release(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::release_key(&mut *tx, name(fields)?, &key(fields)).await?;
    tx.commit().await?;
    Ok(Done::Go(page(name(fields)?)))
}

fn name(fields: &Fields) -> Result<&str, Failed> {
    fields.get("name").ok_or_else(|| Failed::bad("a limit has a name"))
}

/// A key as JSON, else as text; the empty one is that of a limit without key.
fn key(fields: &Fields) -> Value {
    match fields.get("key") {
        None | Some("[]") => Value::Null,
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}

fn page(name: &str) -> String {
    format!("/limits/{}", encode(name))
}
