//! The shop's web server, with the dashboard under `/jobs`.
//!
//! ```text
//! cargo run -p pgjobs-example-shop --bin shop-web
//! ```
//!
//! DATABASE_URL names its database, and workers of their own run the jobs: `shop-worker`, or `mail-worker`
//! and `billing-worker`. Without it the program starts a PostgreSQL that ends with it, and runs the jobs as
//! well. LISTEN is the address to listen on, 127.0.0.1:3000 without it; DASHBOARD_PASSWORD that of the
//! dashboard.

use std::error::Error;
use std::net::SocketAddr;

use pgjobs::Worker;
use shop::mail::Mailer;
use shop::orders::create_tables;
use shop::{dashboard, web};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (database, pool) = shop::database().await?;
    create_tables(&pool).await?;
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}; set LISTEN to another address"))?;
    let address = listener.local_addr()?;
    let app = web::router(pool.clone()).nest("/jobs", dashboard::router(pool.clone(), address)?);
    let worker = match database.local() {
        Some(server) => {
            println!("for other programs: DATABASE_URL='{}'", server.url("postgres"));
            Some(Worker::new(pool).topic("shop.*").state(Mailer::default()).start().await?)
        }
        None => None,
    };
    println!("shop: http://{address}");

    // With the addresses of clients, by which the login counts wrong passwords.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(asked_to_end()).await?;
    if let Some(worker) = worker {
        worker.shutdown().await;
    }
    Ok(())
}

/// Ends with Ctrl-C, or when the system asks the program to end.
async fn asked_to_end() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
