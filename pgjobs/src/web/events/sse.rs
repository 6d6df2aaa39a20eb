//! Server-sent events.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::Inner;
use super::request::subscribe;
use super::shown::Shown;

/// After so long without an event a comment is sent, so that nobody in between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What proxies must not do: gather events before they pass them on.
const NO_BUFFERING: [(&str, &str); 2] =
    [("x-accel-buffering", "no"), ("cache-control", "no-cache, no-transform")];

pub(super) async fn serve(inner: Arc<Inner>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let updates = match subscribe(&inner.pool, &parts) {
        Ok(updates) => updates,
        Err(refusal) => return refusal.into_response(),
    };
    let until = inner.until.clone();
    let shown = updates
        .filter_map(move |update| ready(Shown::of(update, &inner, &parts)))
        .map(|shown| Ok::<_, Infallible>(sent(&shown)));
    // At once, so that the browser knows that it is connected.
    let hello = futures_util::stream::once(ready(Ok(Event::default().comment("events"))));
    let events = Sse::new(hello.chain(shown).take_until(until));
    (NO_BUFFERING, events.keep_alive(KeepAlive::new().interval(KEEP_ALIVE))).into_response()
}

fn sent(shown: &Shown) -> Event {
    let event = Event::default().event(shown.name).data(shown.json());
    match &shown.id {
        Some(id) => event.id(id.as_str()),
        None => event,
    }
}
