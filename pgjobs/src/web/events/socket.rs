//! WebSockets.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Inner;
use super::origin;
use super::request::subscribe;
use super::shown::Shown;
use crate::events::EventStream;

/// How often it asks whether the client is still there.
const PING: Duration = Duration::from_secs(15);

/// A client that takes nothing for so long is given up; it may come back and go on where it was.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest message that a client may send: none has a meaning.
const LARGEST: usize = 4096;

pub(super) async fn serve(inner: Arc<Inner>, upgrade: WebSocketUpgrade, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !origin::is_allowed(&parts, &inner.origins) {
        return (StatusCode::FORBIDDEN, "pages of this origin may not open a WebSocket here\n")
            .into_response();
    }
    match subscribe(&inner.pool, &parts) {
        Ok(updates) => upgrade
            .max_message_size(LARGEST)
            .on_upgrade(|socket| async move { pass_on(inner, parts, updates, socket).await }),
        Err(refusal) => refusal.into_response(),
    }
}

/// Sends updates until either side has enough.
async fn pass_on(inner: Arc<Inner>, request: Parts, mut updates: EventStream, mut socket: WebSocket) {
    let until = inner.until.clone();
    let mut until = std::pin::pin!(until);
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            () = &mut until => break,
            update = updates.next() => match update {
                Some(update) => Shown::of(update, &inner, &request).map(|shown| Message::text(shown.json_with_position())),
                None => break,
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => None,
            },
            _ = pings.tick() => Some(Message::Ping(Default::default())),
        };
        let Some(message) = message else { continue };
        if !matches!(timeout(PATIENCE, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = timeout(PATIENCE, socket.send(Message::Close(None))).await;
}
