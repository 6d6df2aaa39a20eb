//! Live pages. A view that somebody watches is rendered once a second, by one task of the process, for all who
//! watch the same; views are rendered one after the other, so that whoever looks takes one connection at most.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::ask::Ask;
use super::view::Show;
use super::viewer::Role;

/// Between two renderings of a view.
const PERIOD: Duration = Duration::from_secs(1);
/// A stream ends after this time and the browser opens another: so a session that ended ends the stream, and a
/// server that shuts down waits no longer.
const LIFE: Duration = Duration::from_secs(60);
/// So many different views at most are rendered for watchers.
const MOST: usize = 200;

/// What makes two watchers see the same: path and query, the path of the dashboard, and what they may do.
type Key = (String, String, Role);

/// The views that are watched.
#[derive(Default)]
pub(super) struct Board(Mutex<HashMap<Key, Watched>>);

struct Watched {
    ask: Ask,
    show: Show,
    view: watch::Sender<Arc<str>>,
}

/// The stream of a view; `of` is its path and query.
pub(super) fn stream(board: &Arc<Board>, ask: Ask, of: &str, show: Show) -> Response {
    let Some(view) = watch(board, ask, of, show) else {
        return (axum::http::StatusCode::SERVICE_UNAVAILABLE, "too many different pages are watched")
            .into_response();
    };
    let ends = Instant::now() + LIFE;
    let events = stream::unfold(view, move |mut view| async move {
        timeout_at(ends, view.changed()).await.ok()?.ok()?;
        let html = view.borrow_and_update().clone();
        Some((Ok::<_, Infallible>(Event::default().data(&*html)), view))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    // Proxies of nginx hold a stream back otherwise.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

/// What the watchers of a view receive; `None` when there are too many views. The first watcher of all starts the task
/// that renders, which ends when nobody watches any more.
fn watch(board: &Arc<Board>, ask: Ask, of: &str, show: Show) -> Option<watch::Receiver<Arc<str>>> {
    let mut views = board.0.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = views.is_empty();
    let key = (of.to_owned(), ask.base.clone(), ask.viewer.role);
    if views.len() >= MOST && !views.contains_key(&key) {
        return None;
    }
    let watched =
        views.entry(key).or_insert_with(|| Watched { ask, show, view: watch::Sender::new("".into()) });
    let receiver = watched.view.subscribe();
    if is_first {
        tokio::spawn(render_all(board.clone()));
    }
    Some(receiver)
}

async fn render_all(board: Arc<Board>) {
    let mut seconds = interval(PERIOD);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let asked: Vec<(Key, Ask, Show)> = {
            let mut views = board.0.lock().unwrap_or_else(PoisonError::into_inner);
            views.retain(|_, watched| watched.view.receiver_count() > 0);
            if views.is_empty() {
                return; // under the lock, so the next watcher sees that it is the first
            }
            views.iter().map(|(key, watched)| (key.clone(), watched.ask.clone(), watched.show)).collect()
        };
        for (key, ask, show) in asked {
            let html = render(ask, show).await;
            let views = board.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(watched) = views.get(&key) {
                watched.view.send_if_modified(|last| {
                    let differs = **last != *html;
                    *last = html;
                    differs
                });
            }
        }
    }
}

/// The view as it is now, or why there is none; a page keeps what it shows then, and says so.
async fn render(mut ask: Ask, show: Show) -> Arc<str> {
    let view = async {
        ask.snapshot = ask.site.snapshot().await?;
        show(&ask).await
    };
    match view.await {
        Ok(view) => {
            let top = super::layout::bell(&ask);
            format!("{}{}", view.main.0, top.0).into()
        }
        Err(failed) => {
            let words = failed.words();
            maud::html! { p id="live-error" { (words) } }.0.into()
        }
    }
}
