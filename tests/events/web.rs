//! Events over HTTP, in a program of somebody's own.

use std::time::Duration;

use axum::Router;
use axum::http::request::Parts;
use futures_util::{SinkExt, StreamExt};
use pgjobs::events::Event;
use pgjobs_tests::Db;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{position, watched};

/// A program that shows each tenant its own jobs; the tenant is in a header.
struct Program {
    address: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

fn owns(request: &Parts, event: &Event) -> bool {
    let tenant = request.headers.get("x-tenant").and_then(|tenant| tenant.to_str().ok());
    tenant.is_some_and(|tenant| event.meta("tenant") == Some(json!(tenant)))
}

impl Program {
    async fn start(db: &Db) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let routes = pgjobs::web::events(db.pool.clone()).authorize(owns).origin("https://shop.example");
        let routes = routes.until(async { drop(told.await) }).router();
        let app = Router::new().nest("/events", routes);
        let ended = tokio::spawn(async move {
            let stopped = async move {
                let _ = stopped.await;
                let _ = tell.send(());
            };
            axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
        });
        Program { address, stop, ended }
    }

    fn sse(&self, tenant: &str, query: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}/events/sse{query}", self.address);
        reqwest::Client::new().get(url).header("x-tenant", tenant)
    }
}

/// Reads server-sent events from a response, as their text.
struct Reader {
    response: reqwest::Response,
    text: String,
}

impl Reader {
    async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Reader { response, text: String::new() }
    }

    /// The next frame, without comments; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                if !frame.starts_with(':') {
                    return Some(frame);
                }
                continue;
            }
            let chunk = self.response.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The fields of the next event: its name, its id, its data.
    async fn event(&mut self) -> (String, Option<String>, Value) {
        let frame = self.next().await.expect("an event");
        let field = |name: &str| {
            let line = frame.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_start_matches(": ").to_owned())
        };
        (field("event").unwrap(), field("id"), serde_json::from_str(&field("data").unwrap()).unwrap())
    }
}

async fn publish(db: &Db, tenant: &str, task: &str) {
    db.run(&format!(r#"select jobs.publish('{task}', '"secret"', i_meta => '{{"tenant": "{tenant}", "internal": "hidden"}}')"#))
        .await;
}

#[tokio::test]
async fn a_customer_hears_of_their_own_jobs_and_goes_on_after_a_break() {
    let db = watched().await;
    let program = Program::start(&db).await;
    let start = position(&db).await;
    let mut mine = Reader::open(program.sse("7", &format!("?after={start}"))).await;
    assert_eq!(mine.response.headers()["x-accel-buffering"], "no");
    assert_eq!(mine.response.headers()["content-type"], "text/event-stream");
    publish(&db, "8", "export.theirs").await;
    publish(&db, "7", "export.mine").await;
    let (name, id, data) = mine.event().await;
    assert_eq!((&*name, &data["task"], &data["attempt"]), ("queued", &json!("export.mine"), &json!(0)));
    assert!(!data.to_string().contains("hidden") && !data.to_string().contains("secret"), "{data}");
    drop(mine);
    publish(&db, "7", "export.second").await;
    // As a browser does it: the id wins over the query of the page.
    let again = program.sse("7", &format!("?after={start}")).header("last-event-id", id.unwrap());
    let mut again = Reader::open(again).await;
    assert_eq!(again.event().await.2["task"], "export.second");
}

#[tokio::test]
async fn a_resync_has_no_id_and_a_wrong_query_is_refused() {
    let db = watched().await;
    let program = Program::start(&db).await;
    let mut reader = Reader::open(program.sse("7", "?after=old&kind=queued,picked&topic=a")).await;
    let (name, id, data) = reader.event().await;
    assert_eq!((&*name, id, &data["reason"]), ("resync", None, &json!("unreadable")));
    publish(&db, "7", "b").await;
    publish(&db, "7", "a").await;
    assert_eq!(reader.event().await.2["task"], "a");
    for query in ["?kind=finished", "?topic=", "?job=../x", "?after=%zz&after=1"] {
        let refused = program.sse("7", query).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_graceful_shutdown_ends_the_connections() {
    let db = watched().await;
    let program = Program::start(&db).await;
    let mut reader = Reader::open(program.sse("7", "")).await;
    let (mut socket, _) = connect_async(format!("ws://{}/events/ws", program.address)).await.unwrap();
    program.stop.send(()).unwrap();
    assert_eq!(reader.next().await, None);
    let end = tokio::time::timeout(Duration::from_secs(60), async {
        while let Some(message) = socket.next().await {
            if matches!(message, Ok(Message::Close(_)) | Err(_)) {
                break;
            }
        }
    });
    end.await.expect("the socket is closed");
    drop(socket);
    program.ended.await.unwrap();
}

#[tokio::test]
async fn a_websocket_tells_the_same_with_positions() {
    let db = watched().await;
    let program = Program::start(&db).await;
    let start = position(&db).await;
    let mut request =
        format!("ws://{}/events/ws?after={start}", program.address).into_client_request().unwrap();
    request.headers_mut().insert("x-tenant", "7".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    socket.send(Message::text("what a client says has no meaning")).await.unwrap();
    publish(&db, "8", "theirs").await;
    publish(&db, "7", "mine").await;
    let heard = loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            break serde_json::from_str::<Value>(&text).unwrap();
        }
    };
    assert_eq!((&heard["kind"], &heard["task"]), (&json!("queued"), &json!("mine")));
    let position = heard["position"].as_str().unwrap();
    publish(&db, "7", "next").await;
    let mut reader = Reader::open(program.sse("7", &format!("?after={position}"))).await;
    assert_eq!(reader.event().await.2["task"], "next", "both have the same positions");
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket() {
    let db = watched().await;
    let program = Program::start(&db).await;
    let own = format!("http://{}", program.address);
    for (origin, opens) in [("https://evil.example", false), (&*own, true), ("https://shop.example", true)] {
        let mut request = format!("ws://{}/events/ws", program.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match connect_async(request).await {
            Ok(_) => assert!(opens, "{origin}"),
            Err(Error::Http(response)) => assert!(!opens && response.status() == 403, "{origin}"),
            Err(error) => panic!("{origin}: {error}"),
        }
    }
}
