//! What a request asks for.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use sqlx::PgPool;

use crate::events::{EventStream, Position, events};
use crate::types::error::Error;

#[derive(Deserialize)]
struct Asked {
    after: Option<String>,
    topic: Option<String>,
    kind: Option<String>,
    job: Option<String>,
}

/// Starts the subscription that a request asks for, or says what is wrong with it.
pub(super) fn subscribe(pool: &PgPool, request: &Parts) -> Result<EventStream, (StatusCode, String)> {
    let Query(asked) = Query::<Asked>::try_from_uri(&request.uri).map_err(|error| {
        (StatusCode::BAD_REQUEST, format!("the query cannot be read: {}\n", error.body_text()))
    })?;
    subscription(pool, request, asked).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))
}

fn subscription(pool: &PgPool, request: &Parts, asked: Asked) -> Result<EventStream, Error> {
    let last = request.headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let mut events = events(pool);
    if let Some(topic) = asked.topic {
        events = events.topic(topic)?;
    }
    for kind in asked.kind.iter().flat_map(|kinds| kinds.split(',')) {
        events = events.kinds([kind.parse()?]);
    }
    if let Some(job) = asked.job {
        events = events.job(job.parse()?);
    }
    let after = last.filter(|id| !id.is_empty()).or(asked.after).map(Position::from);
    Ok(match after {
        Some(after) => events.after(after).stream(),
        None => events.stream(),
    })
}
