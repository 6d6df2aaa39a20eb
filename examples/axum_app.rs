//! A web server: a request writes a row and publishes in one transaction, and is answered with the result.
//!
//! ```text
//! cargo run --example axum_app               # plays the browser itself, and ends
//! cargo run --example axum_app -- --stay     # stays open for a browser of yours
//! ```
//!
//! Who asks waits for the result, a second at most; if that is not enough, the answer says where to ask
//! later. The dashboard is a part of the same program, for those whom its own login lets in. `shop` is a
//! larger one.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use pgjobs::web::{Dashboard, Role, Viewer};
use pgjobs::{Error::WaitTimeout, JobHandle, JobId, TaskError, Worker, task};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Makes a small picture of a large one.
#[task(name = "axum_app.shrink")]
async fn shrink(picture: String) -> Result<String, TaskError> {
    let work = if picture.starts_with("large") { 2500 } else { 10 };
    tokio::time::sleep(Duration::from_millis(work)).await;
    Ok(format!("small-{picture}"))
}

type Answer = Result<(StatusCode, String), StatusCode>;

/// Takes the name of a picture as the body.
async fn upload(State(pool): State<PgPool>, picture: String) -> Answer {
    let job = publish(&pool, picture).await.map_err(unwell)?;
    match job.wait_for(&pool, Duration::from_secs(1)).await {
        Ok(small) => Ok((StatusCode::CREATED, small)),
        Err(WaitTimeout(id)) => Ok((StatusCode::ACCEPTED, format!("/pictures/{id}"))),
        Err(error) => Err(unwell(error)),
    }
}

/// The row and the job are both there after the commit, or neither.
async fn publish(pool: &PgPool, picture: String) -> Result<JobHandle<String>, pgjobs::Error> {
    let mut tx = pool.begin().await?;
    let insert = "insert into pgjobs_examples.picture (name) values ($1)";
    sqlx::query(insert).bind(&picture).execute(&mut *tx).await?;
    let job = shrink::publish(&mut *tx, picture).await?;
    tx.commit().await?;
    Ok(job)
}

/// What became of the job of an upload.
async fn show(State(pool): State<PgPool>, Path(id): Path<String>) -> Answer {
    let id: JobId = id.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let job = JobHandle::<String>::new(id);
    match job.wait_for(&pool, Duration::from_secs(10)).await {
        Ok(small) => Ok((StatusCode::OK, small)),
        Err(WaitTimeout(_)) => Ok((StatusCode::ACCEPTED, "not yet".to_owned())),
        Err(error) => Err(unwell(error)),
    }
}

/// Reasons are for the log of the server.
fn unwell(error: pgjobs::Error) -> StatusCode {
    eprintln!("a request failed: {error}");
    StatusCode::SERVICE_UNAVAILABLE
}

fn app(pool: PgPool) -> Router {
    // Your login's middleware has put the user into the request's extensions by then. Here a header will do.
    let staff = Dashboard::new(pool.clone()).name("pictures").authenticate(|request| {
        let name = request.headers.get("x-user")?.to_str().ok()?;
        Some(Viewer::new(name, Role::Operator))
    });
    Router::new()
        .route("/pictures", post(upload))
        .route("/pictures/{id}", get(show))
        .with_state(pool)
        .nest("/admin/jobs", staff.router())
}

const TABLE: &str = "
    create schema if not exists pgjobs_examples;
    create table if not exists pgjobs_examples.picture (name text not null)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    sqlx::raw_sql(TABLE).execute(&pool).await?;
    let worker = Worker::new(pool.clone()).topic("axum_app.*").start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("http://{address}/pictures takes the name of a picture by POST; the jobs are at /admin/jobs");
    tokio::spawn(async move { axum::serve(listener, app(pool)).await });

    if std::env::args().any(|argument| argument == "--stay") {
        tokio::signal::ctrl_c().await?;
    } else {
        play(address).await?;
    }
    worker.shutdown().await;
    Ok(())
}

/// What a browser would do.
async fn play(server: SocketAddr) -> Result<(), Box<dyn Error>> {
    println!("cat.png: {}", ask(server, "POST", "/pictures", "", "cat.png").await?);
    let later = ask(server, "POST", "/pictures", "", "large-dog.png").await?;
    let (status, path) = later.split_once(' ').unwrap_or_default();
    println!("large-dog.png: {status}, ask later");
    println!("and later: {}", ask(server, "GET", path, "", "").await?);
    for user in ["", "x-user: mara\r\n"] {
        let page = ask(server, "GET", "/admin/jobs/tasks", user, "").await?;
        println!("the dashboard for {user:?}: {}, {}", &page[..3], page.contains("axum_app.shrink"));
    }
    Ok(())
}

/// The status of the answer and its body.
async fn ask(
    server: SocketAddr,
    method: &str,
    path: &str,
    header: &str,
    body: &str,
) -> std::io::Result<String> {
    let mut browser = TcpStream::connect(server).await?;
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n{header}");
    browser.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut answer = String::new();
    browser.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok(format!("{} {body}", head.split(' ').nth(1).unwrap_or_default()))
}
