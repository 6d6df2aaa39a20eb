//! The web server: people sign up, and whoever runs it sees and repairs the jobs under `/jobs`.
//!
//! DATABASE_URL names the database. LISTEN is the address to listen on, 127.0.0.1:3000 without it.
//! DASHBOARD_PASSWORD is that of the user `admin`; without it one is made and printed, for a server
//! that only this machine reaches.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use my_service::{create_tables, sign_up};
use pgjobs::web::{Dashboard, Role, Users};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL")
        .map_err(|_| "set DATABASE_URL: `cargo run -- dev` prints it")?;
    let pool = PgPool::connect(&url).await?;
    pgjobs::migrate(&pool).await?;
    create_tables(&pool).await?;

    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&listen).await?;
    let address = listener.local_addr()?;
    let dashboard = Dashboard::new(pool.clone())
        .name("my-service")
        .login(users(address)?);
    let app = Router::new()
        .route("/sign-ups", post(take_sign_up))
        .with_state(pool)
        .nest("/jobs", dashboard.router());
    println!("sign up: curl -d ada@example.org http://{address}/sign-ups");

    // With the addresses of clients, by which the login counts wrong passwords.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(asked_to_end())
        .await?;
    Ok(())
}

/// The body of the request is the address of who signs up.
async fn take_sign_up(State(pool): State<PgPool>, address: String) -> (StatusCode, String) {
    let address = address.trim();
    if !address.contains('@') {
        return (StatusCode::BAD_REQUEST, "an address has an @\n".to_owned());
    }
    match sign_up(&pool, address).await {
        Ok(Some(job)) => (
            StatusCode::CREATED,
            format!("welcome; job {job} greets you\n"),
        ),
        Ok(None) => (StatusCode::CONFLICT, "this address is known\n".to_owned()),
        Err(error) => {
            eprintln!("nobody can sign up: {error}");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "try again later\n".to_owned(),
            )
        }
    }
}

/// Who may use the dashboard.
fn users(address: SocketAddr) -> Result<Users, String> {
    let password = match std::env::var("DASHBOARD_PASSWORD") {
        Ok(password) if password.len() >= 12 => password,
        Ok(_) => {
            return Err(
                "DASHBOARD_PASSWORD has fewer than 12 characters: `openssl rand -hex 16`".into(),
            );
        }
        Err(_) if address.ip().is_loopback() => {
            let made = uuid::Uuid::new_v4().simple().to_string();
            println!("dashboard: http://{address}/jobs (log in as admin with {made})");
            made
        }
        Err(_) => {
            return Err(format!(
                "other machines reach {address}: set DASHBOARD_PASSWORD"
            ));
        }
    };
    Ok(Users::one("admin", Role::Admin, &password))
}

/// Ends with Ctrl-C, or when the system asks the program to end.
async fn asked_to_end() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
