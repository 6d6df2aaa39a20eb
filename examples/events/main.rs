//! Events: a page on which a customer sees their own export move.
//!
//! ```text
//! cargo run --example events               # plays the browser itself, and ends
//! cargo run --example events -- --stay     # stays open for a browser of yours
//! ```
//!
//! Two customers export something. Each page is told of its own customer's job: when it is queued, how far
//! it is, that it has ended. The program's login decides who is who, and the hook who hears what.

mod browser;

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use pgjobs::events::Event;
use pgjobs::{Job, TaskError, Worker, task};
use sqlx::PgPool;
use tokio::net::TcpListener;

/// Writes an export, row by row.
#[task(name = "events.export", events = true)]
async fn export(#[inject] job: &Job, customer: String, rows: u32) -> Result<String, TaskError> {
    for row in 0..rows {
        job.progress(row, rows, None);
        tokio::time::sleep(Duration::from_millis(600)).await; // the work
    }
    Ok(format!("{customer}.csv"))
}

/// Who asks. Here it is a cookie that anybody can write; in your program it is your login's.
#[derive(Clone)]
struct Customer(String);

async fn login(mut request: Request, next: Next) -> Response {
    let cookie = request.headers().get(COOKIE).and_then(|cookie| cookie.to_str().ok());
    let name = cookie.and_then(|cookie| cookie.strip_prefix("customer=")).unwrap_or("nobody").to_owned();
    request.extensions_mut().insert(Customer(name));
    next.run(request).await
}

/// Whether this request may hear of this event: it is about a job of the customer.
fn owns(request: &Parts, event: &Event) -> bool {
    let customer = request.extensions.get::<Customer>();
    customer.is_some_and(|customer| event.meta("customer") == Some(customer.0.as_str().into()))
}

async fn page(
    State(pool): State<PgPool>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, String> {
    let name = query.get("as").filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()));
    let name = name.map_or("ada", String::as_str);
    // First the position, then what the page shows: nothing falls in between.
    let position = pgjobs::events::position(&pool).await.map_err(|error| error.to_string())?;
    let page = include_str!("page.html").replace("{customer}", name).replace("{position}", position.as_str());
    Ok(([(SET_COOKIE, format!("customer={name}; SameSite=Strict"))], Html(page)).into_response())
}

async fn start(State(pool): State<PgPool>, request: Request) -> Result<String, String> {
    let Some(Customer(name)) = request.extensions().get::<Customer>().cloned() else {
        return Ok(String::new());
    };
    let job = export::publish(&pool, name.clone(), 4).meta("customer", name).await;
    Ok(job.map_err(|error| error.to_string())?.id().to_string())
}

fn app(pool: PgPool) -> Router {
    let events = pgjobs::web::events(pool.clone()).authorize(owns).router();
    Router::new()
        .route("/", get(page))
        .route("/exports", post(start))
        .nest("/exports/events", events)
        .layer(middleware::from_fn(login))
        .with_state(pool)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let worker = Worker::new(pool.clone()).topic("events.*").start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("http://{address}/?as=ada and http://{address}/?as=bob");
    tokio::spawn(async move { axum::serve(listener, app(pool)).await });

    if std::env::args().any(|argument| argument == "--stay") {
        tokio::signal::ctrl_c().await?;
    } else {
        let (ada, bob) = tokio::join!(browser::watch(address, "ada"), browser::watch(address, "bob"));
        println!("ada: {}", ada?.join(", "));
        println!("bob: {}", bob?.join(", "));
    }
    worker.shutdown().await;
    Ok(())
}
